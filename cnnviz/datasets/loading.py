"""A data set in memory, loaded once a process, and what it holds in numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets import reading
from cnnviz.datasets.registry import DatasetInfo, get, keys
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.settings import settings

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory; everybody shares it, nobody changes it.

    Images are (N, C, H, W) uint8, 0..255, labels (N,) int64; ``digest`` is the SHA-256 (hex) of all of it.
    """

    key: str
    classes: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    digest: str

    def part(self, name: str) -> tuple[Tensor, Tensor]:
        """Images and labels of the part ``train`` or ``test``."""
        if name == "train":
            return self.train_images, self.train_labels
        return self.test_images, self.test_labels


_loaded: dict[tuple[str, Path], Dataset] = {}
_locks = {key: threading.Lock() for key in keys()}


def load(key: str) -> Dataset:
    """The data set ``key``; read from disk by the first call, shared by all later ones.

    Raises:
        UnknownKeyError: there is no such data set.
        DatasetMissingError: it is not on this machine; the message says how to get it.
        DatasetDamagedError: a file is not what it should be.
    """
    info = get(key)
    place = (key, settings().data_dir)
    with _locks[key]:
        if place not in _loaded:
            _loaded[place] = _read(info)
        return _loaded[place]


def is_available(key: str) -> bool:
    """Whether the files of the data set are there; cheap, they are not read.

    Raises:
        UnknownKeyError: there is no such data set.
    """
    return reading.is_available(get(key))


def download(key: str, progress: Callable[[float], None] | None = None) -> None:
    """Fetch the data set through torchvision into ``CNNVIZ_DATA_DIR``; ``progress`` is called with 0..1.

    Raises:
        UsageError: the data set is installed with cnnviz and is not downloaded.
        UnknownKeyError: there is no such data set.
        DownloadError: no server could be reached, or what it sent is not the data set.
        StorageError: the disk is full or the folder cannot be written.
    """
    from cnnviz.datasets import downloading

    info = get(key)
    if info.torchvision is None:
        raise UsageError(
            Message("{title} is installed with cnnviz; no download is needed.", title=info.title)
        )
    root = settings().data_dir
    downloading.download(info, root, progress or (lambda _: None))
    _loaded.pop((key, root), None)


def _read(info: DatasetInfo) -> Dataset:
    import torch

    arrays = reading.read(info)
    return Dataset(
        key=info.key,
        classes=info.classes,
        train_images=torch.from_numpy(arrays.train_images),
        train_labels=torch.from_numpy(arrays.train_labels),
        test_images=torch.from_numpy(arrays.test_images),
        test_labels=torch.from_numpy(arrays.test_labels),
        digest=arrays.digest,
    )


VALUES = 256
"""A pixel's value is a byte."""

_CHUNK = 2_000  # images; numpy counts bytes as numbers of eight


@dataclass(frozen=True, eq=False)
class Statistics:
    """Figures of one data set; everybody shares them, nobody changes them.

    ``train_counts`` and ``test_counts`` (K,) are the images of each class. All the others are about the
    training images: ``values`` (C, 256) says how many pixels of each channel have which value, ``mean`` and
    ``deviation`` (C,) are those of the pixels after division by 255, and ``class_means`` (K, C, H, W) uint8 is
    the average image of each class.
    """

    train_counts: NDArray[np.int64]
    test_counts: NDArray[np.int64]
    values: NDArray[np.int64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    class_means: NDArray[np.uint8]


def statistics(data: Dataset) -> Statistics:
    """Count and average a data set; a second for 60,000 small images."""
    images, labels = data.train_images.numpy(), data.train_labels.numpy()
    classes = len(data.classes)
    train_counts = np.bincount(labels, minlength=classes)
    values = value_counts(images)
    mean, deviation = moments(values)
    return Statistics(
        train_counts=train_counts,
        test_counts=np.bincount(data.test_labels.numpy(), minlength=classes),
        values=values,
        mean=mean,
        deviation=deviation,
        class_means=_class_means(images, labels, train_counts),
    )


def value_counts(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """images: (N, C, H, W) -> (C, 256): how many pixels of each channel have each value."""
    channels = range(images.shape[1])
    total = np.zeros((images.shape[1], VALUES), np.int64)
    for part in _chunks(len(images)):
        total += np.stack([np.bincount(images[part, at].ravel(), minlength=VALUES) for at in channels])
    return total


def moments(values: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """values: (C, 256) counts -> mean and standard deviation (C,) of the pixels after division by 255."""
    scaled = np.arange(VALUES) / (VALUES - 1)
    count = values.sum(axis=1)
    mean = values @ scaled / count
    return mean, np.sqrt((values * (scaled - mean[:, None]) ** 2).sum(axis=1) / count)


def _class_means(
    images: NDArray[np.uint8], labels: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """The average image of each class, (K, C, H, W); black for a class that has none."""
    flat = images.reshape(len(images), -1)
    total = np.zeros((len(counts), flat.shape[1]))
    for part in _chunks(len(images)):
        is_class = labels[part] == np.arange(len(counts))[:, None]
        total += is_class.astype(np.float32) @ flat[part].astype(np.float32)  # whole numbers below 2**24
    mean = total / np.maximum(counts, 1)[:, None]
    return np.rint(mean).astype(np.uint8).reshape(-1, *images.shape[1:])


def pick(labels: NDArray[np.int64], label: int | None, count: int, seed: int) -> NDArray[np.int64]:
    """The places of ``count`` images of the class ``label`` (None: of any), drawn with ``seed``.

    There may be fewer; the first ``count`` images where ``seed`` is 0.
    """
    places = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    if seed:
        places = np.random.default_rng(seed).permutation(places)
    return places[:count]


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))
