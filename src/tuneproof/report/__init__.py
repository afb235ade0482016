"""Report: one page and one table that answer the question with its uncertainty."""
