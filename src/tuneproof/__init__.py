"""Tuneproof: which way of fine-tuning is best for my task, my data and my budget, with proof."""

__version__ = "0.1.0"
