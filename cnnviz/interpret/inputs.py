"""Any image as the input of any network: its channels, its size, its normalisation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnviz.training.recipe.augmentation import NONE
from cnnviz.training.recipe.image_preparation import ImagePreparation

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint8]
"""An image, (C, H, W), 0..255: one channel of grey, or red, green and blue."""

_GREY = (0.2989, 0.587, 0.114)  # how bright red, green and blue are (ITU-R BT.601)


class ImageKey(NamedTuple):
    """An image and its preparation for a network; plain values, so that caches can use it as a key.

    ``pixels`` are the bytes of a uint8 image of ``shape`` (C, H, W).
    """

    pixels: bytes
    shape: tuple[int, int, int]
    preparation: ImagePreparation

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network gets: (C, H, W)."""
        return self.preparation.input_shape(self.shape)

    @property
    def digest(self) -> str:
        """Identifies the image and its preparation: SHA-256 (hex)."""
        return hashlib.sha256(repr(self[1:]).encode() + self.pixels).hexdigest()

    def seen(self) -> Pixels:
        """The network's input before normalisation, (C, H, W) uint8, for display."""
        channels = self.shape[0]
        plain = replace(self.preparation, mean=(0.0,) * channels, deviation=(1 / 255,) * channels)
        x = self._replace(preparation=plain).tensor()
        pixels: Pixels = x[0].clamp(0, 255).round().byte().numpy()
        return pixels

    def tensor(self) -> Tensor:
        """The network's input: (1, C, H, W) float32, normalised."""
        from cnnviz.training.transforms.batch_preparer import as_input

        return as_input(self.pixels, self.shape, self.preparation)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """``pixels`` in grey if ``channels`` is 1, else with that many channels; a grey image is repeated in each."""
    if len(pixels) == channels:
        return pixels
    if len(pixels) == 1:
        return np.ascontiguousarray(np.broadcast_to(pixels, (channels, *pixels.shape[1:])))
    grey = np.tensordot(np.asarray(_GREY, np.float32), pixels[:3].astype(np.float32), axes=1)
    return with_channels(np.rint(grey)[None].astype(np.uint8), channels)


def middle_square(pixels: Pixels) -> Pixels:
    """The largest square in the middle of the image."""
    return middle_part(pixels, 1, 1)


def middle_part(pixels: Pixels, height: int, width: int) -> Pixels:
    """The largest part in the middle of the image whose sides are as ``height`` to ``width``."""
    rows, columns = pixels.shape[1:]
    high = max(1, min(rows, columns * height // width))
    wide = max(1, min(columns, rows * width // height))
    top, left = (rows - high) // 2, (columns - wide) // 2
    return np.ascontiguousarray(pixels[:, top : top + high, left : left + wide])


def scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The image resized to ``size`` (height, width), smoothed first if it becomes smaller."""
    if pixels.shape[1:] == size:
        return pixels
    from PIL import Image

    planes = [
        np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BILINEAR))
        for plane in pixels
    ]
    return np.stack(planes)


def on_paper(rgba: NDArray[np.uint8]) -> Pixels:
    """An image file (H, W, 4) as (3, H, W); transparent pixels become white."""
    opacity = rgba[..., 3:].astype(np.float32) / 255
    colours = rgba[..., :3] * opacity + 255 * (1 - opacity)
    return np.ascontiguousarray(np.rint(colours).astype(np.uint8).transpose(2, 0, 1))


@dataclass(frozen=True)
class Preparing:
    """How images of any size and number of channels are prepared for a network.

    It was trained on images of ``shape`` (C, H, W), prepared in the way of ``preparation``. An image of that size
    is prepared as in training; of another one the middle is brought to the size of the input: a square, or what has
    the proportions of an input that is none.
    """

    preparation: ImagePreparation
    shape: tuple[int, int, int]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network takes: (C, H, W)."""
        return self.preparation.input_shape(self.shape)

    def key(self, pixels: Pixels) -> ImageKey:
        """One image (C, H, W) uint8, prepared for this network."""
        channels, side, breadth = self.input_shape
        # Keys of networks that differ in augmentation alone are the same.
        pixels, preparation = with_channels(pixels, channels), replace(self.preparation, augmentation=NONE)
        if pixels.shape[1:] != self.shape[1:] and side != breadth:
            pixels = scaled(middle_part(pixels, side, breadth), (side, breadth))
        elif pixels.shape[1:] != self.shape[1:]:
            pixels = middle_square(pixels)
            if preparation.permutation_seed is not None:
                pixels = scaled(pixels, self.shape[1:])
            else:
                preparation = replace(preparation, resize=side)
                pixels = scaled(pixels, (side, side)) if pixels.shape[1] > side else pixels
        _channels, height, width = pixels.shape
        return ImageKey(pixels.tobytes(), (channels, height, width), preparation)

    def batch(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) uint8, prepared for this network: (B, *input_shape) float32, normalised."""
        import torch

        from cnnviz.training.transforms.batch_preparer import BatchPreparer, channels_first

        if self.shape != tuple(images.shape[1:]):
            return torch.cat([self.key(image).tensor() for image in images.numpy()])
        return channels_first(BatchPreparer(self.preparation, self.shape, images.device).test(images))
