"""What several pages show of a network's inside: feature maps, one output value, attribution, verdicts."""
