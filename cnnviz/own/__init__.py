"""A person's own network: its text is read by ``ast`` and interpreted as a closed language; Python never runs it."""
