"""Reading a data set from its files, laid out in a folder below ``CNNVIZ_DATA_DIR`` as torchvision keeps them.

Each file format has a reader: a module below ``cnnviz.datasets`` with ``FILES``, the names of the files,
and ``read_folder``, which reads and checks them. It returns plain arrays, before they become tensors.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.registry import DatasetInfo
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings


class DatasetMissingError(CnnvizError):
    """A data set is not on this machine."""


class DatasetDamagedError(CnnvizError):
    """A file of a data set is not what it should be."""

    def __init__(self, path: Path, reason: Message, cure: Message) -> None:
        super().__init__(Message("{path} is damaged: {reason}. {cure}", path=path, reason=reason, cure=cure))
        self.path = path


class DownloadError(CnnvizError):
    """A data set could not be downloaded."""


def damaged_download(path: Path, reason: Message) -> DatasetDamagedError:
    """A file of a data set that can be downloaded again is not what it should be."""
    return DatasetDamagedError(path, reason, Message("Delete the file and download the data set again."))


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images (N, C, H, W) uint8 and labels (N,) int64, for training and for testing."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    def digest(self) -> str:
        """SHA-256 (hex) of all images and labels with their shapes: which data a network was trained on."""
        total = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            total.update(repr((array.shape, array.dtype.str)).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()


class Reader(Protocol):
    """A module that reads one file format."""

    FILES: tuple[str, ...]

    def read_folder(self, info: DatasetInfo, place: Path) -> Arrays:
        """All images and labels in ``place``, or a DatasetDamagedError that names the file at fault."""


def reader(info: DatasetInfo) -> Reader:
    """The module that reads the files of ``info``."""
    return cast(Reader, importlib.import_module(f"cnnviz.datasets.{info.reader}"))


def folder(info: DatasetInfo, root: Path) -> Path:
    """Where torchvision, given ``root``, keeps the files of ``info``."""
    return root / str(info.folder)


def is_available(info: DatasetInfo) -> bool:
    """Whether all files are there; they are not read."""
    place = folder(info, settings().data_dir)
    return all((place / name).is_file() for name in reader(info).FILES)


def read(info: DatasetInfo) -> Arrays:
    """The data set from ``CNNVIZ_DATA_DIR``.

    Raises:
        DatasetMissingError: a file is not there; the message says where it was looked for and how to get it.
        DatasetDamagedError: a file is too short, too long, or holds something else.
    """
    place = folder(info, settings().data_dir)
    for name in reader(info).FILES:
        if not (place / name).is_file():
            raise DatasetMissingError(
                Message(
                    "{title} is missing: there is no file {path}. Download it ({megabytes:.0f} MB) on "
                    "the Data or Train page, or with --download (for `train` and `evaluate`), or set "
                    "CNNVIZ_DATA_DIR to the folder that contains {folder}.",
                    title=info.title,
                    path=place / name,
                    megabytes=info.download_bytes / 1e6,
                    folder=info.folder,
                )
            )
    return reader(info).read_folder(info, place)
