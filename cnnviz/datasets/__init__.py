"""Data sets: which there are, and how they are loaded. Importing this imports no torch."""

from cnnviz.datasets.loading import Dataset, download, is_available, load
from cnnviz.datasets.reading import DatasetDamagedError, DatasetMissingError, DownloadError
from cnnviz.datasets.registry import DatasetInfo, get, keys, overlap, registered

__all__ = [
    "Dataset",
    "DatasetDamagedError",
    "DatasetInfo",
    "DatasetMissingError",
    "DownloadError",
    "download",
    "get",
    "is_available",
    "keys",
    "load",
    "overlap",
    "registered",
]
