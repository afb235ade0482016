"""A ready model: one method trained on all labelled rows, saved with all that prediction needs."""
