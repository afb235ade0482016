"""Two revisions of an experiment side by side: what changed, and which scores differ by more than chance explains."""
