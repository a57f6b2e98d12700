"""What a network has learned: its filters, and what they make of an image."""
