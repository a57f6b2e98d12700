"""Ask a network which digit a prepared drawing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.transforms.image_preparation import ImagePreparation


def predict(
    model: nn.Module,
    image: NDArray[np.uint8],
    preparation: ImagePreparation,
) -> NDArray[np.float32]:
    """The probability of each class for one image, from 0 to 1, summing to 1: (classes,) float32.

    Args:
        model: in eval mode; it is not changed, and may be shared between threads.
        image: (H, W) uint8, 255 is ink, as :func:`cnnviz.drawing.to_mnist` gives it; a network for
            colours gets it in each channel.
        preparation: of the images with which the model was trained.
    """
    from cnnviz.interpret.answers import answer
    from cnnviz.training.transforms.batch_preparer import as_input

    height, width = image.shape
    shape = (len(preparation.mean), height, width)
    return answer(model, as_input(np.broadcast_to(image, shape).tobytes(), shape, preparation))
