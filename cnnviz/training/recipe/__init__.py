"""What determines a training run."""
