"""The networks of the course: one file per family, listed in :mod:`cnnviz.architectures.registry`."""

from cnnviz.architectures.registry import Architecture, get, keys, registered

__all__ = ["Architecture", "get", "keys", "registered"]
