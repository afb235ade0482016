"""Evaluate: from predictions to scores, comparisons and groups."""
