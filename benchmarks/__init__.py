"""Scripts that measure what the README promises; each prints its figures and its target."""
