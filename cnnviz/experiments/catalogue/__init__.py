"""One file for each experiment; a new one is found by itself."""
