"""A model that another process of the same person holds: of a file of theirs, or of a running program."""
