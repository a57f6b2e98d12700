"""What the registry tells about each network and block. Imports no torch."""
