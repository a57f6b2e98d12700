"""Images in memory as bytes, normalised a batch at a time.

A DataLoader that turns images into tensors one by one spends more time on them than the small networks
of the course spend on training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class Normaliser:
    """Turns images 0..255 into what a network was trained on: (image / 255 - mean) / deviation."""

    def __init__(self, mean: Sequence[float], deviation: Sequence[float], device: torch.device) -> None:
        """``mean`` and ``deviation``: one number a channel, for images scaled to 0..1."""
        self._mean = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self._deviation = torch.tensor(deviation, device=device).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """images: (B, C, H, W) uint8, 0..255 -> the same shape, float32, channels last."""
        x = images.to(torch.float32, memory_format=torch.channels_last)
        return x.div_(255).sub_(self._mean).div_(self._deviation)


class Batches:
    """A set of images and labels that is handed out in batches."""

    def __init__(self, images: Tensor, labels: Tensor, normalise: Normaliser, batch_size: int) -> None:
        """images: (N, C, H, W) uint8; labels: (N,) int64; both on the device of ``normalise``."""
        self._images = images
        self._labels = labels
        self._normalise = normalise
        self._batch_size = batch_size

    def __len__(self) -> int:
        """Batches in one pass; the last one may be smaller."""
        return -(-self.images // self._batch_size)

    @property
    def images(self) -> int:
        """Images in one pass."""
        return len(self._labels)

    def shuffled(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in an order drawn from ``generator`` (on the CPU): (x, labels) of each batch."""
        order = torch.randperm(self.images, generator=generator).to(self._labels.device)
        for start in range(0, self.images, self._batch_size):
            chosen = order[start : start + self._batch_size]
            yield self._normalise(self._images[chosen]), self._labels[chosen]

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in the order of the data: (x, labels) of each batch."""
        for start in range(0, self.images, self._batch_size):
            batch = slice(start, start + self._batch_size)
            yield self._normalise(self._images[batch]), self._labels[batch]


def as_input(
    pixels: bytes, shape: tuple[int, int, int], mean: Sequence[float], deviation: Sequence[float]
) -> Tensor:
    """The bytes of one image of ``shape`` (C, H, W), 0..255, as (1, C, H, W) float32, normalised."""
    image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(1, *shape)
    return Normaliser(mean, deviation, torch.device("cpu"))(image)
