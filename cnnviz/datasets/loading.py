"""Loading a data set into memory, once a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        digest=arrays.digest(),
    )
