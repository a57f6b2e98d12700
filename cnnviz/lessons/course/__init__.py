"""Lessons: each a small file of steps, which shows the app's own views and asks questions about them."""
