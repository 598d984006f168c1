"""Benchmarks: each prints a table of ratios, ours against peers in the same run."""
