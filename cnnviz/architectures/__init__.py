"""The networks of the course: one file per family, listed in :mod:`cnnviz.architectures.catalogue`."""

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.architectures.catalogue import get, is_known, keys, provide, registered

__all__ = ["Architecture", "Option", "get", "is_known", "keys", "provide", "registered"]
