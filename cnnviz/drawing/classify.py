"""Ask a network which digit a prepared drawing is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn


def predict(
    model: nn.Module,
    image: NDArray[np.uint8],
    mean: Sequence[float],
    deviation: Sequence[float],
    *,
    resize: int | None = None,
    permutation_seed: int | None = None,
) -> NDArray[np.float32]:
    """The probability of each class for one image, from 0 to 1, summing to 1: (classes,) float32.

    Args:
        model: in eval mode; it is not changed, and may be shared between threads.
        image: (H, W) uint8, 255 is ink, as :func:`cnnviz.drawing.to_mnist` gives it; a network for
            colours gets it in each channel.
        mean: of the normalisation with which the model was trained, one number a channel.
        deviation: of the same.
        resize: to how many pixels, high and wide, images were brought in training; None for none.
        permutation_seed: of the order in which training saw the pixels; None for the natural one.
    """
    import torch

    from cnnviz.training.loop.batches import as_input

    height, width = image.shape
    shape = (len(mean), height, width)
    with torch.inference_mode():
        pixels = np.broadcast_to(image, shape).tobytes()
        x = as_input(pixels, shape, mean, deviation, resize=resize, permutation_seed=permutation_seed)
        scores = model(x)
        probabilities: NDArray[np.float32] = torch.softmax(scores[0], dim=0).numpy()
    return probabilities
