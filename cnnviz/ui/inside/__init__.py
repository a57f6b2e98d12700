"""What several pages show of a network's inside."""
