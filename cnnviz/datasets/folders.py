"""Data sets that are files in a folder below ``CNNVIZ_DATA_DIR``, laid out as torchvision keeps them.

Each file format has a reader: a module below ``cnnviz.datasets`` with ``FILES``, the names of the files,
and ``read_folder``, which reads and checks them.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from cnnviz.datasets.arrays import Arrays
from cnnviz.datasets.errors import DatasetMissingError
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.language import Message
from cnnviz.settings import settings


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
                    "{title} is not there: no file {path}. Download it ({megabytes:.0f} MB) on the Data or the "
                    "Train page or with --download (`train` and `evaluate` take it), or let CNNVIZ_DATA_DIR "
                    "name the folder that holds {folder}.",
                    title=info.title,
                    path=place / name,
                    megabytes=info.download_bytes / 1e6,
                    folder=info.folder,
                )
            )
    return reader(info).read_folder(info, place)
