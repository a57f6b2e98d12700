"""From images in memory to what a network gets: augmentation, permutation, normalisation, resizing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnviz.training.transforms.augmentation import NONE, Augmentation
from cnnviz.training.transforms.changes import augment


class Preparation:
    """Turns batches of a data set's images into batches for a network.

    The order is: augmentation of the small images, permutation of their pixels, resizing, normalisation.
    """

    def __init__(
        self,
        normalise: Callable[[Tensor], Tensor],
        *,
        resize: int | None = None,
        permutation: Permutation | None = None,
        augmentation: Augmentation = NONE,
    ) -> None:
        """``normalise`` is a :class:`cnnviz.training.loop.batches.Normaliser`: float32, channels last, comes out.

        ``resize`` is the side of the square images that the network gets; None leaves them as they are.
        """
        self._normalise = normalise
        self._resize = resize
        self._permutation = permutation
        self._changes = augmentation.to_dict() if augmentation else None

    def test(self, images: Tensor) -> Tensor:
        """images: (B, C, H, W) uint8 -> (B, C, R, R) float32: what the network is tested on."""
        if self._permutation is not None:
            images = self._permutation(images)
        # Normalising commutes with resizing, whose weights add up to 1, and is quicker on small images.
        return resized(self._normalise(images), self._resize)

    def training(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Like :meth:`test`, after augmentation drawn from ``generator``; without any it draws nothing."""
        if self._changes is not None:
            images = augment(images, generator, **self._changes)
        return self.test(images)


class Permutation:
    """One shuffled order of an image's pixels, the same for every image and channel, train and test."""

    def __init__(self, seed: int, shape: tuple[int, int, int], device: torch.device | None = None) -> None:
        """For images of ``shape`` (C, H, W); ``order`` holds, place by place, which pixel comes there."""
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
