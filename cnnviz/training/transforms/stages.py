"""One image on its way to a network, step by step: what the Data page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cnnviz.training.loop.batches import Normaliser
from cnnviz.training.transforms.augmentation import Augmentation
from cnnviz.training.transforms.changes import augment
from cnnviz.training.transforms.preparation import Permutation, Preparation, resized


@dataclass(frozen=True, eq=False)
class Stages:
    """The image after each step that is taken; None for one that is not.

    ``image`` is (C, H, W) uint8. ``draws`` (N, C, H, W) uint8 are what augmentation makes of it in N epochs;
    the later steps go on with the first of them. ``permuted`` is (C, H, W), ``resized`` (C, R, R), both
    uint8, ``normalised`` what the network gets, (C, R, R) float32.
    """

    image: NDArray[np.uint8]
    draws: NDArray[np.uint8] | None
    permuted: NDArray[np.uint8] | None
    resized: NDArray[np.uint8] | None
    normalised: NDArray[np.float32]


def stages(
    image: NDArray[np.uint8],
    *,
    augmentation: Augmentation,
    draws: int,
    seed: int,
    permutation_seed: int | None,
    resize: int | None,
    mean: Sequence[float],
    deviation: Sequence[float],
) -> Stages:
    """Take ``image`` (C, H, W) uint8 through all steps; ``seed`` is that of the random changes."""
    channels, height, width = image.shape
    generator = torch.Generator().manual_seed(seed)
    current = torch.from_numpy(image)[None]
    drawn = permuted = larger = None
    if augmentation:
        copies = current.expand(draws, -1, -1, -1)
        drawn = augment(copies, generator, **augmentation.to_dict())
        current = drawn[:1]
    permutation = None
    if permutation_seed is not None:
        permutation = Permutation(permutation_seed, (channels, height, width))
        permuted = permutation(current)
    if resize is not None:
        larger = resized((current if permuted is None else permuted).float(), resize)
    normalise = Normaliser(mean, deviation, torch.device("cpu"))
    preparation = Preparation(normalise, resize=resize, permutation=permutation)
    normalised: NDArray[np.float32] = preparation.test(current.clone())[0].numpy()
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
