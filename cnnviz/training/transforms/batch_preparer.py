"""Preparing images as an :class:`~cnnviz.training.recipe.image_preparation.ImagePreparation` says.

Batches for training and tests, one image for a trained network, and one image step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cnnviz.training.recipe.augmentation import augment
from cnnviz.training.recipe.image_preparation import ImagePreparation


class BatchPreparer:
    """Turns batches of a data set's images into batches for a network.

    The order is: augmentation of the small images, permutation of their pixels, resizing, normalisation.
    """

    def __init__(
        self, preparation: ImagePreparation, shape: tuple[int, int, int], device: torch.device | None = None
    ) -> None:
        """For images of ``shape`` (C, H, W) on ``device``, by default the CPU."""
        seed = preparation.permutation_seed
        self._normalise = Normaliser(preparation.mean, preparation.deviation, device)
        self._resize = preparation.resize
        self._permutation = None if seed is None else Permutation(seed, shape, device)
        self._augmentation = preparation.augmentation

    def test(self, images: Tensor) -> Tensor:
        """images: (B, C, H, W) uint8 -> (B, C, R, R) float32, as the network is tested on them."""
        if self._permutation is not None:
            images = self._permutation(images)
        # Normalising commutes with resizing, whose weights add up to 1, and is quicker on small images.
        return resized(self._normalise(images), self._resize)

    def training(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Like :meth:`test`, after augmentation drawn from ``generator``; without any it draws nothing."""
        return self.test(augment(images, generator, self._augmentation))


def as_input(pixels: bytes, shape: tuple[int, int, int], preparation: ImagePreparation) -> Tensor:
    """The bytes of one image of ``shape`` (C, H, W), 0..255, as a trained network gets it: (1, C, H, W) float32,
    normalised, in the size that ``preparation`` says, the channels first.
    """
    image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(1, *shape)
    return channels_first(BatchPreparer(preparation, shape).test(image))


def channels_first(images: Tensor) -> Tensor:
    """images: (B, C, H, W) in any order in memory -> the same in PyTorch's own.

    A person's own network may view its maps as vectors, which PyTorch refuses in another order. Of images with one
    channel ``contiguous`` would change nothing, and convolutions would still put the channels last.
    """
    return images.to(memory_format=torch.contiguous_format)


class Normaliser:
    """Turns images 0..255 into what a network was trained on: (image / 255 - mean) / deviation.

    That is image * scale - shift, two passes over the numbers in place of three; so the last digit may differ
    from that of the formula.
    """

    def __init__(
        self, mean: Sequence[float], deviation: Sequence[float], device: torch.device | None = None
    ) -> None:
        """``mean`` and ``deviation``: one number a channel, for images scaled to 0..1."""
        pairs = list(zip(mean, deviation, strict=True))
        self._scale = torch.tensor([1 / (255 * d) for _, d in pairs], device=device)
        self._shift = torch.tensor([m / d for m, d in pairs], device=device)

    def __call__(self, images: Tensor) -> Tensor:
        """images: (B, C, H, W) uint8, or float32 that may be changed, 0..255 -> the same shape, float32,
        channels last.
        """
        x = images.to(torch.float32, memory_format=torch.channels_last)
        pixels = x.shape[2] * x.shape[3]
        # Long rows of numbers are several times as quick as a factor for each channel in turn.
        scale, shift = (
            each if len(each) == 1 else each.repeat(pixels) for each in (self._scale, self._shift)
        )
        as_rows(x).mul_(scale).sub_(shift)
        return x


class Permutation:
    """One shuffled order of an image's pixels, the same for every image and channel, train and test."""

    def __init__(self, seed: int, shape: tuple[int, int, int], device: torch.device | None = None) -> None:
        """For images of ``shape`` (C, H, W); ``order[i]`` is the pixel that moves to place i."""
        pixels = shape[1] * shape[2]
        self.order = torch.randperm(pixels, generator=torch.Generator().manual_seed(seed)).to(device)

    def __call__(self, images: Tensor) -> Tensor:
        """images: (B, C, H, W) of any type -> the same shape and type."""
        return images.flatten(2).index_select(2, self.order).view(images.shape)


def resized(images: Tensor, side: int | None) -> Tensor:
    """images: (B, C, H, W) float -> (B, C, side, side), bilinear, smoothed first where they become smaller.

    The numbers are those of torchvision's ``Resize`` on float tensors; the channels come last in memory.
    """
    if side is None or tuple(images.shape[2:]) == (side, side):
        return images
    smaller = side < max(images.shape[2:])
    images = images.contiguous()  # with the channels last, PyTorch takes up to six times as long
    images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=smaller)
    return images.contiguous(memory_format=torch.channels_last)


def as_rows(images: Tensor) -> Tensor:
    """images: (B, C, H, W), channels last -> (B, H * W * C), the same memory."""
    return images.permute(0, 2, 3, 1).view(len(images), -1)


@dataclass(frozen=True, eq=False)
class Stages:
    """The image after each step of its preparation; None for a step that is not taken.

    ``image`` is (C, H, W) uint8. ``draws`` (N, C, H, W) uint8 are what augmentation makes of it in N epochs;
    the later steps go on with the first of them. ``permuted`` is (C, H, W), ``resized`` (C, R, R), both
    uint8, ``normalised`` what the network gets, (C, R, R) float32.
    """

    image: NDArray[np.uint8]
    draws: NDArray[np.uint8] | None
    permuted: NDArray[np.uint8] | None
    resized: NDArray[np.uint8] | None
    normalised: NDArray[np.float32]


def stages(image: NDArray[np.uint8], preparation: ImagePreparation, *, draws: int, seed: int) -> Stages:
    """Take ``image`` (C, H, W) uint8 through all steps; ``seed`` is that of the random changes."""
    channels, height, width = image.shape
    shape = channels, height, width
    current = torch.from_numpy(image)[None]
    drawn = permuted = larger = None
    if preparation.augmentation:
        copies = current.expand(draws, -1, -1, -1)
        generator = torch.Generator().manual_seed(seed)
        drawn = augment(copies, generator, preparation.augmentation)
        current = drawn[:1]
    if preparation.permutation_seed is not None:
        permuted = Permutation(preparation.permutation_seed, shape)(current)
    if preparation.resize is not None:
        larger = resized((current if permuted is None else permuted).float(), preparation.resize)
    normalised: NDArray[np.float32] = BatchPreparer(preparation, shape).test(current.clone())[0].numpy()
    return Stages(
        image=image,
        draws=None if drawn is None else _bytes(drawn),
        permuted=None if permuted is None else _bytes(permuted)[0],
        resized=None if larger is None else _bytes(larger)[0],
        normalised=normalised,
    )


def _bytes(images: torch.Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = images.float().round().clamp(0, 255).to(torch.uint8).numpy()
    return array
