"""The run store: what is known about every run."""
