"""One forward pass, recorded: ops, their links, and their tensors."""
