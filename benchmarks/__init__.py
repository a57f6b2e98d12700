"""Benchmarks for the figures in the documentation; each prints its results and its target."""
