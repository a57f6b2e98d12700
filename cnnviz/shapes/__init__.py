"""What a network does to a shape: tracing, tables, derivations, and the diagnosis of what breaks."""
