"""MNIST's own file format, in which Fashion-MNIST comes as well.

torchvision could read it too, but importing it takes seconds, which every training worker would pay.
Format (LeCun, http://yann.lecun.com/exdb/mnist/): two zero bytes, the element type (8: unsigned byte),
the number of dimensions, each size as 4 bytes with the most significant first, the elements.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.reading import Arrays, damaged_download
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.language import Message

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


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
        raise damaged_download(
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
        raise damaged_download(
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
        raise damaged_download(
            images_path,
            Message(
                "it contains {found} pixels instead of {expected} images", found=found, expected=expected
            ),
        )
    if len(images) != len(labels):
        raise damaged_download(
            images_path,
            Message("it has {images:,} images but {labels:,} labels", images=len(images), labels=len(labels)),
        )
    if int(labels.max()) >= len(info.classes):
        raise damaged_download(
            labels_path,
            Message(
                "it contains label {label}, but the largest is {last}",
                label=labels.max(),
                last=len(info.classes) - 1,
            ),
        )
    return images[:, None], labels.astype(np.int64)
