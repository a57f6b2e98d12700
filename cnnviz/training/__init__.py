"""Training: recipes, the loop, the store of runs, workers and checkpoints."""
