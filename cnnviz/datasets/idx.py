"""MNIST's own file format, read from the folder in which torchvision keeps it.

torchvision could read it too, but importing it takes seconds, which every training worker would pay.
Format (LeCun, http://yann.lecun.com/exdb/mnist/): two zero bytes, the element type (8: unsigned byte),
the number of dimensions, each size as 4 bytes with the most significant first, the elements.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.arrays import Arrays
from cnnviz.datasets.errors import DatasetDamagedError, DatasetMissingError
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.language import Message
from cnnviz.settings import settings

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def folder(info: DatasetInfo, root: Path) -> Path:
    """Where torchvision, given ``root``, keeps the files of ``info``."""
    return root / str(info.torchvision) / "raw"


def is_available(info: DatasetInfo) -> bool:
    """Whether all files are there; they are not read."""
    place = folder(info, settings().data_dir)
    return all((place / name).is_file() for name in FILES)


def read(info: DatasetInfo) -> Arrays:
    """The data set from ``CNNVIZ_DATA_DIR``.

    Raises:
        DatasetMissingError: a file is not there; the message says where it was looked for and how to get it.
        DatasetDamagedError: a file is too short, too long, or holds something else.
    """
    place = folder(info, settings().data_dir)
    for name in FILES:
        if not (place / name).is_file():
            raise DatasetMissingError(
                Message(
                    "{title} is not there: no file {path}. Download it ({megabytes:.0f} MB) on the Train "
                    "page or with --download (`train` and `evaluate` take it), or let CNNVIZ_DATA_DIR name the folder "
                    "that holds {folder}.",
                    title=info.title,
                    path=place / name,
                    megabytes=info.download_bytes / 1e6,
                    folder=f"{info.torchvision}/raw",
                )
            )
    return read_folder(info, place)


def read_folder(info: DatasetInfo, place: Path) -> Arrays:
    """The four files in ``place``, checked.

    Raises:
        DatasetDamagedError: a file is too short, too long, or holds something else.
    """
    train_images, train_labels, test_images, test_labels = FILES
    return Arrays(
        *_read_half(info, place / train_images, place / train_labels),
        *_read_half(info, place / test_images, place / test_labels),
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """One idx file of unsigned bytes with ``dimensions`` dimensions, as a writable array.

    Raises:
        DatasetDamagedError: the magic number or the file's length is wrong.
    """
    data = bytearray(path.read_bytes())
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if len(data) < header or data[:4] != magic:
        raise _damaged(
            path,
            Message(
                "it starts with the bytes {found} instead of {expected}",
                found=data[:4].hex(" ") or "-",
                expected=magic.hex(" "),
            ),
        )
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4))
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(data) != expected:
        raise _damaged(
            path,
            Message("it has {found:,} bytes instead of {expected:,}", found=len(data), expected=expected),
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read_half(
    info: DatasetInfo, images_path: Path, labels_path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 1, H, W) and labels (N,) that fit each other and ``info``."""
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != info.input_shape[1:] or len(images) == 0:
        found, expected = (" x ".join(map(str, shape)) for shape in (images.shape, info.input_shape[1:]))
        raise _damaged(
            images_path,
            Message("it holds {found} pixels, not images of {expected}", found=found, expected=expected),
        )
    if len(images) != len(labels):
        raise _damaged(
            images_path,
            Message(
                "it has {images:,} images, but {labels:,} labels", images=len(images), labels=len(labels)
            ),
        )
    if int(labels.max()) >= len(info.classes):
        raise _damaged(
            labels_path,
            Message(
                "it has the label {label}; {last} is the last", label=labels.max(), last=len(info.classes) - 1
            ),
        )
    return images[:, None], labels.astype(np.int64)


def _damaged(path: Path, reason: Message) -> DatasetDamagedError:
    return DatasetDamagedError(path, reason, Message("Delete it and download the data set again."))
