"""Ask a network which digit a prepared drawing is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn


def as_input(image: NDArray[np.uint8], mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
    """(H, W) uint8 -> (1, C, H, W) float32: scaled to 0..1, then ``(x - mean) / deviation`` for each channel.

    A grey image is repeated for each channel that ``mean`` and ``deviation`` have.
    """
    import torch

    pixels = torch.from_numpy(image.astype(np.float32) / 255)
    shift, scale = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (mean, deviation))
    return ((pixels - shift) / scale).unsqueeze(0)


def predict(
    model: nn.Module, image: NDArray[np.uint8], mean: Sequence[float], deviation: Sequence[float]
) -> NDArray[np.float32]:
    """The probability of each class for one image, from 0 to 1, summing to 1: (classes,) float32.

    Args:
        model: in eval mode; it is not changed, and may be shared between threads.
        image: (28, 28) uint8, 255 is ink, as :func:`cnnviz.drawing.to_mnist` gives it.
        mean: of the normalisation with which the model was trained, one number a channel.
        deviation: of the same.
    """
    import torch

    with torch.inference_mode():
        scores = model(as_input(image, mean, deviation))
        probabilities: NDArray[np.float32] = torch.softmax(scores[0], dim=0).numpy()
    return probabilities
