"""What is done to images before a network gets them: augmentation, permutation, resizing, normalisation.

Importing this imports no torch; :mod:`cnnviz.training.transforms.batch_preparer` does the work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.training.recipe.fields import AUGMENTATION_RANGES, check_channels, check_number, refused


@dataclass(frozen=True)
class Augmentation:
    """How far each training image is changed, at random and anew in every epoch; 0 and False mean not at all.

    - ``crop_padding``: pixels; the image gets a black edge so wide, and a window of its own size is cut out.
    - ``flip``: half of the images are mirrored left to right.
    - ``rotation`` and ``shear``: degrees, up to so many to either side.
    - ``scale``: the image becomes larger or smaller by up to this part of its size (0.1: 0.9 to 1.1 times).
    - ``shift``: it is moved along each axis by up to this part of its side.
    - ``stroke_width``: pixels by which bright strokes become wider or thinner at most.
    - ``brightness``, ``contrast``, ``saturation``: each is multiplied by 1 plus or minus up to this; without
      colours there is no saturation to change.
    """

    crop_padding: int = 0
    flip: bool = False
    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    stroke_width: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __bool__(self) -> bool:
        """Whether anything is changed at all."""
        return self != Augmentation()

    @property
    def is_affine(self) -> bool:
        """Whether images are turned, scaled, moved or sheared."""
        return bool(self.rotation or self.scale or self.shift or self.shear)

    @property
    def recolours(self) -> bool:
        """Whether brightness, contrast or saturation change."""
        return bool(self.brightness or self.contrast or self.saturation)

    def validate(self) -> None:
        """Check every field.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
        """
        for name, limits in AUGMENTATION_RANGES.items():
            check_number(getattr(self, name), limits)
        if not isinstance(self.flip, bool):
            raise refused(Message("horizontal flip"), self.flip, "true | false")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; :meth:`from_dict` reads them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` wrote; a field that is missing is off. The values are not validated.

        Raises:
            UnknownKeyError: there is no such field; the message names the closest.
        """
        names = {entry.name for entry in dataclasses.fields(cls)}
        for name in values:
            if name not in names:
                raise UnknownKeyError(Message("augmentation option"), name, names)
        return cls(**values)


NONE = Augmentation()
"""No change at all."""


@dataclass(frozen=True)
class Preset:
    """Changes that go together, under a name."""

    title: Message
    augmentation: Augmentation


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "none": Preset(Message("None"), NONE),
        "crop-flip": Preset(Message("Crop and flip"), Augmentation(crop_padding=4, flip=True)),
        "digits": Preset(
            Message("Handwriting"),
            Augmentation(rotation=15.0, scale=0.1, shift=0.1, shear=10.0, stroke_width=1.0),
        ),
        "colours": Preset(
            Message("Light and colour"), Augmentation(brightness=0.4, contrast=0.4, saturation=0.4)
        ),
    }
)
"""Where to begin; crop and flip are the usual ones for CIFAR-10 (He et al. 2016, section 4.2)."""


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
