"""Exercises that are generated from a network: predict a number, then see where it comes from."""
