"""Lessons and generated exercises."""
