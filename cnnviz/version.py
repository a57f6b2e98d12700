"""Which cnnviz this is."""

__version__ = "0.1.0"
