"""Measures Tuneproof against public tools, side by side in one run: `python -m benchmarks` or `make bench`."""
