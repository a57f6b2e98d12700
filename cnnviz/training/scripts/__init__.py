"""Recipes and checkpoints as scripts of plain PyTorch."""
