"""Recording trainings that somebody's own program does."""
