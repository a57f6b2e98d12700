"""The networks of the course: one file per family, listed in :mod:`cnnviz.architectures.catalogue`."""

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.architectures.catalogue import get, keys, registered

__all__ = ["Architecture", "Option", "get", "keys", "registered"]
