"""Trained weights, and the facts needed to trust them."""
