"""Exercises and lessons as Jupyter notebooks, checked by plain PyTorch."""
