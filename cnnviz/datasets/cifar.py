"""CIFAR-10's own file format: Python pickles, read without letting them run anything.

A pickle may name any function to be called while it is read. These need three of numpy's, to build an
array, and get no others. torchvision could read them too, but importing it takes seconds, which every
training worker would pay.
Format (Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html): a dictionary with ``data``, unsigned
bytes (N, 3072), each row the red, then the green, then the blue values of 32 x 32 pixels, and ``labels``,
N numbers from 0 to 9. It was written by Python 2, so its texts are bytes here.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.reading import Arrays, damaged_download
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.language import Message

_TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_FILE = "test_batch"
_NAMES_FILE = "batches.meta"
FILES = (*_TRAIN_FILES, _TEST_FILE, _NAMES_FILE)

_ALLOWED: Mapping[tuple[str, str], Any] = {
    # numpy has moved this function since; its arrays still name it when they are pickled
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    """Reads plain values and numpy arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _ALLOWED[module, name]


def read_folder(info: DatasetInfo, place: Path) -> Arrays:
    """The seven files in ``place``, checked.

    Raises:
        DatasetDamagedError: a file is too short, or holds something else.
    """
    _check_names(info, place / _NAMES_FILE)
    parts = [_read_batch(info, place / name) for name in _TRAIN_FILES]
    test_images, test_labels = _read_batch(info, place / _TEST_FILE)
    return Arrays(
        np.concatenate([images for images, _ in parts]),
        np.concatenate([labels for _, labels in parts]),
        test_images,
        test_labels,
    )


def _check_names(info: DatasetInfo, path: Path) -> None:
    """Raise where the classes in ``path`` are not those of ``info``, in their order."""
    names = _read(path).get(b"label_names")
    expected = [name.encode() for name in info.classes]
    if names != expected:
        raise damaged_download(
            path, Message("the class names {names} are missing", names=", ".join(info.classes))
        )


def _read_batch(info: DatasetInfo, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, C, H, W) and labels (N,) that fit each other and ``info``."""
    content = _read(path)
    images, labels = content.get(b"data"), content.get(b"labels")
    pixels = int(np.prod(info.input_shape))
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.shape[1:] != (pixels,)
        or len(images) == 0
    ):
        raise damaged_download(
            path, Message("the images are not stored as {pixels:,} bytes each", pixels=pixels)
        )
    labels = labels if isinstance(labels, list) else []
    if len(labels) != len(images):
        raise damaged_download(
            path,
            Message("it has {images:,} images but {labels:,} labels", images=len(images), labels=len(labels)),
        )
    for label in labels:
        if not isinstance(label, int) or not 0 <= label < len(info.classes):
            raise damaged_download(
                path,
                Message(
                    "it contains label {label}, but the largest is {last}",
                    label=label,
                    last=len(info.classes) - 1,
                ),
            )
    return np.ascontiguousarray(images).reshape(-1, *info.input_shape), np.array(labels, np.int64)


def _read(path: Path) -> dict[bytes, Any]:
    """The dictionary that a file holds."""
    with path.open("rb") as file:
        try:
            content = _Unpickler(file, encoding="bytes").load()
        except Exception as error:  # a damaged pickle fails in as many ways as there are instructions in it
            reason = Message("it is not a valid CIFAR-10 file ({error})", error=error or type(error).__name__)
            raise damaged_download(path, reason) from error
    if not isinstance(content, dict):
        raise damaged_download(path, Message("it contains no batch of images"))
    return content
