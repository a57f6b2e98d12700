"""What is done to images before a network gets them: augmentation, permutation, resizing, normalisation.

Importing this imports no torch; :mod:`cnnviz.training.transforms.batch_preparer` does the work.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.language import Message
from cnnviz.training.recipe.augmentation import NONE, Augmentation
from cnnviz.training.recipe.fields import check_channels


@dataclass(frozen=True)
class ImagePreparation:
    """How images are prepared for one network, in training and ever after.

    Training images get the random changes of ``augmentation``. All images have their pixels put into the order
    drawn with ``permutation_seed`` (None: the natural one), are brought to ``resize`` x ``resize`` pixels (None:
    they keep their size) and are normalised with ``mean`` and ``deviation``, one number a channel, for values
    from 0 to 1.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resize: int | None = None
    augmentation: Augmentation = NONE
    permutation_seed: int | None = None

    def validate(self, channels: int) -> None:
        """Check the normalisation of images with so many ``channels``, and the augmentation.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
        """
        self.augmentation.validate()
        check_channels(Message("mean"), self.mean, channels, positive=False)
        check_channels(Message("standard deviation"), self.deviation, channels, positive=True)

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The shape (C, H, W) that the network gets of images of ``shape`` (C, H, W)."""
        return resized_shape(shape, self.resize)


def resized_shape(shape: tuple[int, int, int], resize: int | None) -> tuple[int, int, int]:
    """``shape`` (C, H, W) after its images were brought to ``resize`` pixels; None leaves them as they are."""
    return shape if resize is None else (shape[0], resize, resize)
