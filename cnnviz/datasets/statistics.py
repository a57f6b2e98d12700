"""What a data set holds, in numbers: how many of each class, which values, what a class looks like on average."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.loading import Dataset

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
