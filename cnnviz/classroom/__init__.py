"""A server that a class shares: who may do what, what is allowed to how many, who is there."""
