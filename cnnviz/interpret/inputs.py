"""Any image as the input of any network: its channels, its size, its normalisation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from cnnviz.training.transforms.preparation import Preparation

Pixels = NDArray[np.uint8]
"""An image, (C, H, W), 0..255: one channel of grey, or red, green and blue."""

_GREY = (0.2989, 0.587, 0.114)  # how bright red, green and blue are (ITU-R BT.601)


class ImageKey(NamedTuple):
    """An image, and how a network gets it; plain values, so that caches can know it again.

    ``pixels`` are the bytes of a uint8 image of ``shape`` (C, H, W); ``mean`` and ``deviation``, one a
    channel, normalise it after it is scaled to 0..1; before, its pixels are put in the order drawn with
    ``permutation_seed`` (None: they stay), and it is brought to ``resize`` pixels (None: it stays).
    """

    pixels: bytes
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resize: int | None = None
    permutation_seed: int | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network gets: (C, H, W)."""
        channels, height, width = self.shape
        return (channels, height, width) if self.resize is None else (channels, self.resize, self.resize)

    @property
    def digest(self) -> str:
        """By which the image and its preparation are known again: SHA-256, hex."""
        return hashlib.sha256(repr(self[1:]).encode() + self.pixels).hexdigest()

    def seen(self) -> Pixels:
        """The network's input before it is normalised, (C, H, W) uint8: to look at."""
        plain = self._replace(mean=(0.0,) * self.shape[0], deviation=(1 / 255,) * self.shape[0])
        pixels: Pixels = plain.tensor()[0].clamp(0, 255).round().byte().numpy()
        return pixels

    def tensor(self) -> Tensor:
        """The network's input: (1, C, H, W) float32, normalised."""
        from cnnviz.training.loop.batches import as_input

        return as_input(
            self.pixels,
            self.shape,
            self.mean,
            self.deviation,
            resize=self.resize,
            permutation_seed=self.permutation_seed,
        )


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """``pixels`` in grey where ``channels`` is 1, else with that many: grey ones the same in each."""
    if len(pixels) == channels:
        return pixels
    if len(pixels) == 1:
        return np.ascontiguousarray(np.broadcast_to(pixels, (channels, *pixels.shape[1:])))
    grey = np.tensordot(np.asarray(_GREY, np.float32), pixels[:3].astype(np.float32), axes=1)
    return with_channels(np.rint(grey)[None].astype(np.uint8), channels)


def middle_square(pixels: Pixels) -> Pixels:
    """The largest square in the middle of the image."""
    height, width = pixels.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(pixels[:, top : top + side, left : left + side])


def scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The image in (height, width) ``size``, smoothed first where it becomes smaller."""
    if pixels.shape[1:] == size:
        return pixels
    from PIL import Image

    planes = [
        np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BILINEAR))
        for plane in pixels
    ]
    return np.stack(planes)


def on_paper(rgba: NDArray[np.uint8]) -> Pixels:
    """An image file (H, W, 4) as (3, H, W): what is transparent becomes white."""
    opacity = rgba[..., 3:].astype(np.float32) / 255
    colours = rgba[..., :3] * opacity + 255 * (1 - opacity)
    return np.ascontiguousarray(np.rint(colours).astype(np.uint8).transpose(2, 0, 1))


@dataclass(frozen=True)
class Preparing:
    """How a network gets images, whatever their size and channels.

    ``input_shape`` (C, H, W) is what it takes; it was trained on images of ``size`` (height, width) that were
    put in the order of ``permutation_seed`` (None: their own), brought to ``resize`` pixels (None: left as they
    are), and normalised with ``mean`` and ``deviation``. An image of that size is prepared as in training; of
    another one the middle square is brought to the size of the input.
    """

    input_shape: tuple[int, int, int]
    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resize: int | None = None
    permutation_seed: int | None = None

    def key(self, pixels: Pixels) -> ImageKey:
        """One image (C, H, W) uint8 as this network gets it."""
        channels, side, _side = self.input_shape
        pixels, resize = with_channels(pixels, channels), self.resize
        if pixels.shape[1:] != self.size:
            pixels = middle_square(pixels)
            if self.permutation_seed is not None:
                pixels = scaled(pixels, self.size)
            else:
                resize = side
                pixels = scaled(pixels, (side, side)) if pixels.shape[1] > side else pixels
        _channels, height, width = pixels.shape
        shape = channels, height, width
        return ImageKey(pixels.tobytes(), shape, self.mean, self.deviation, resize, self.permutation_seed)

    def batch(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) uint8 as this network gets them: (B, *input_shape) float32, normalised."""
        import torch

        if (len(self.mean), *self.size) != tuple(images.shape[1:]):
            return torch.cat([self.key(image).tensor() for image in images.numpy()])
        return self._preparation(images).test(images)

    def _preparation(self, images: Tensor) -> Preparation:
        from cnnviz.training.loop.batches import Normaliser
        from cnnviz.training.transforms.preparation import Permutation, Preparation

        _count, channels, height, width = images.shape
        seed = self.permutation_seed
        permutation = None if seed is None else Permutation(seed, (channels, height, width))
        normalise = Normaliser(self.mean, self.deviation, images.device)
        return Preparation(normalise, resize=self.resize, permutation=permutation)
