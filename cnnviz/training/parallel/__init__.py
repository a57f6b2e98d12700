"""Training one network in several processes of one machine, each with its part of every batch."""
