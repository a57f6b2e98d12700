"""What one value of an op depends on: the rules, and what they compute with."""
