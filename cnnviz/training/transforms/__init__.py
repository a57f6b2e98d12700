"""What happens to the images of a batch before a network sees them."""
