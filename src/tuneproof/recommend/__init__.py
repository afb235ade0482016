"""Which method to use within given limits: the rule, its reading of stored tables, and its answer in words."""
