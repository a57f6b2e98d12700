"""Augmentation: random changes of the training images, each drawn anew in every epoch.

Everything about a change is here: its fields in a recipe with their ranges and sliders, and the lines of PyTorch
that make it. Adding one is a field or two in :class:`Augmentation` and a function in ``CHANGES``; the Train page, the
command line, the training loop and the scripts that cnnviz writes follow. Importing this imports no torch.

Images are (B, C, H, W), 0..255, black outside. Every function draws from the generator that it is given (on the
CPU, so that a GPU gets the same numbers), and draws the same count of numbers whatever they are. A script holds
the source of the functions: they need torch and nothing of cnnviz but one another.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.training.recipe.fields import Range, check_number, refused

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# -- fields ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strength:
    """How strong a change may be: its range, and its slider with label, step, format and numbers of channels."""

    limits: Range
    label: Message
    step: float
    format: str
    channels: tuple[int, ...] = (1, 3)


def _strength(
    name: Message,
    label: Message,
    meaning: Message,
    most: float,
    step: float,
    text: str,
    channels: tuple[int, ...] = (1, 3),
) -> Any:
    """A field from 0, where it changes nothing, to ``most``; a whole number where that is one."""
    whole = isinstance(most, int)
    limits = Range(name, 0 if whole else 0.0, most, whole=whole, meaning=meaning)
    return dataclasses.field(
        default=0 if whole else 0.0, metadata={"strength": Strength(limits, label, step, text, channels)}
    )


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

    crop_padding: int = _strength(
        Message("crop padding"),
        Message("Crop: padding"),
        Message(
            "Each image gets a black border this many pixels wide, and a window of the image's own size is cut out at a random place."
        ),
        16,
        1,
        "%d px",
    )
    flip: bool = False
    rotation: float = _strength(
        Message("rotation"),
        Message("Rotation"),
        Message("Each image is turned by a random angle, up to this many degrees in either direction."),
        180.0,
        1.0,
        "±%d°",
    )
    scale: float = _strength(
        Message("scale"),
        Message("Scale"),
        Message("Each image is enlarged or shrunk by a random factor: 0.1 means 0.9 to 1.1 times its size."),
        0.9,
        0.05,
        "±%.2f",
    )
    shift: float = _strength(
        Message("shift"),
        Message("Shift"),
        Message(
            "Each image is moved along each axis by a random distance: 0.1 means up to a tenth of its side."
        ),
        0.5,
        0.05,
        "±%.2f",
    )
    shear: float = _strength(
        Message("shear"),
        Message("Shear"),
        Message(
            "Each image is slanted, as italic letters are, by a random angle, up to this many degrees in either direction."
        ),
        60.0,
        1.0,
        "±%d°",
    )
    stroke_width: float = _strength(
        Message("stroke width"),
        Message("Stroke width"),
        Message("Bright strokes become wider or thinner by a random number of pixels, up to this many."),
        4.0,
        0.25,
        "±%.2f px",
        channels=(1,),
    )
    brightness: float = _strength(
        Message("brightness"),
        Message("Brightness"),
        Message("All pixels of an image are multiplied by one random factor: 0.2 means 0.8 to 1.2."),
        1.0,
        0.05,
        "±%.2f",
    )
    contrast: float = _strength(
        Message("contrast"),
        Message("Contrast"),
        Message(
            "How far each pixel is from the image's mean grey is multiplied by a random factor: 0.2 means 0.8 to 1.2."
        ),
        1.0,
        0.05,
        "±%.2f",
    )
    saturation: float = _strength(
        Message("saturation"),
        Message("Saturation"),
        Message(
            "How far each colour is from grey is multiplied by a random factor: 0.2 means 0.8 to 1.2; 0 would leave no colour."
        ),
        1.0,
        0.05,
        "±%.2f",
        channels=(3,),
    )

    def __bool__(self) -> bool:
        """Whether anything is changed at all."""
        return self != Augmentation()

    def validate(self) -> None:
        """Check every field.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
        """
        for name, strength in STRENGTHS.items():
            check_number(getattr(self, name), strength.limits)
        if not isinstance(self.flip, bool):
            raise refused(Message("horizontal flip"), self.flip, Message("true or false"))

    def changes(self) -> Iterator[tuple[Change, dict[str, Any]]]:
        """The functions of ``CHANGES`` that something is asked of, each with its arguments, in their order."""
        for change in CHANGES:
            values = {name: getattr(self, name) for name in list(inspect.signature(change).parameters)[2:]}
            if any(values.values()):
                yield change, values

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


STRENGTHS: Mapping[str, Strength] = MappingProxyType(
    {
        field.name: field.metadata["strength"]
        for field in dataclasses.fields(Augmentation)
        if "strength" in field.metadata
    }
)
"""The fields that are numbers, by name."""

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


# -- changes ---------------------------------------------------------------------------------------------


def augment(images: Tensor, generator: torch.Generator, augmentation: Augmentation) -> Tensor:
    """All changes of ``augmentation``, one after the other.

    images: (B, C, H, W) uint8 or float32, 0..255 -> the same shape; uint8 where it was and only crop and
    flip are wanted, else float32.
    """
    for change, values in augmentation.changes():
        images = change(images, generator, **values)
    return images


def crop_and_flip(images: Tensor, generator: torch.Generator, crop_padding: int, flip: bool) -> Tensor:
    """Windows of the images' own size, cut at random out of the images with a black edge ``crop_padding`` pixels
    wide, half of them mirrored where ``flip``. Shape and type stay.
    """
    import torch
    from torch.nn import functional as F

    count, channels, height, width = images.shape
    top, left = torch.randint(0, 2 * crop_padding + 1, (2, count), generator=generator)
    mirrored = torch.rand(count, generator=generator) < (0.5 if flip else 0.0)
    rows = top[:, None] + torch.arange(height)
    columns = torch.arange(width).expand(count, -1)
    columns = left[:, None] + torch.where(mirrored[:, None], width - 1 - columns, columns)
    places = (rows[:, :, None] * (width + 2 * crop_padding) + columns[:, None, :]).to(images.device)
    places = places.view(count, 1, -1).expand(-1, channels, -1)
    return F.pad(images, (crop_padding,) * 4).flatten(2).gather(2, places).view(images.shape)


def affine(
    images: Tensor,
    generator: torch.Generator,
    rotation: float,
    scale: float,
    shift: float,
    shear: float,
) -> Tensor:
    """Each image turned, scaled, moved and sheared at random, by as much as the numbers say at most."""
    draws = _uniform((5, len(images)), generator, images.device)
    angle, size = draws[0] * math.radians(rotation), 1 + draws[1] * scale
    return warp(images.float(), angle, size, draws[2:4].T * shift, draws[4] * math.radians(shear))


def warp(images: Tensor, angle: Tensor, size: Tensor, shift: Tensor, shear: Tensor) -> Tensor:
    """Each image sheared and turned (``angle`` and ``shear`` in radians), scaled by ``size``, moved by ``shift``.

    images: (B, C, H, W) float32; angle, size, shear: (B,); shift: (B, 2), parts of width and height. All
    about the middle of the image; bilinear between pixels; angles as torchvision's ``affine`` takes them.
    """
    import torch
    from torch.nn import functional as F

    height, width = images.shape[2:]
    cos, sin, slope = angle.cos(), angle.sin(), shear.tan()
    # grid_sample asks where an output pixel comes from: the inverse of rotation * shear * size. Its places
    # are counted in half widths and half heights.
    aspect = height / width
    inverse = torch.stack([cos + slope * -sin, (sin + slope * cos) * aspect, -sin / aspect, cos], dim=1).view(
        -1, 2, 2
    ) / size.view(-1, 1, 1)
    moved = -2 * inverse @ shift[:, :, None]
    grid = F.affine_grid(torch.cat([inverse, moved], dim=2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def stroke(images: Tensor, generator: torch.Generator, stroke_width: float) -> Tensor:
    """The bright strokes of each image wider or thinner at random, by ``stroke_width`` pixels at most."""
    change = _uniform(len(images), generator, images.device) * stroke_width
    return restroke(images.float(), change, stroke_width)


def restroke(images: Tensor, change: Tensor, most: float) -> Tensor:
    """Bright strokes wider by ``change`` pixels, or thinner where it is negative.

    images: (B, C, H, W) float32; change: (B,), from ``-most`` to ``most``. Grey dilation and erosion (Serra
    1982, Image Analysis and Mathematical Morphology) by a plus of five pixels move each edge by one pixel;
    in between, the images before and after a move are mixed.
    """
    import torch

    amount = change.abs().view(-1, 1, 1, 1) / 2
    sign = torch.where(change < 0, -1.0, 1.0).view(-1, 1, 1, 1)
    current = images * sign  # eroding is dilating the negative
    result = current
    for step in range(math.ceil(most / 2)):
        wider = _dilated(current)
        result = torch.lerp(result, wider, (amount - step).clamp(0, 1))
        current = wider
    return result * sign


def _dilated(images: Tensor) -> Tensor:
    """Each pixel (B, C, H, W) the largest of itself and its four neighbours; max_pool2d takes thirty times as long."""
    import torch

    result = images.clone()
    for axis in (2, 3):
        size = images.shape[axis] - 1
        for start, other in ((0, 1), (1, 0)):
            part = result.narrow(axis, start, size)
            torch.maximum(part, images.narrow(axis, other, size), out=part)
    return result


def colour(
    images: Tensor, generator: torch.Generator, brightness: float, contrast: float, saturation: float
) -> Tensor:
    """Brightness, contrast and saturation of each image multiplied at random, by 1 plus or minus the numbers."""
    import torch

    most = torch.tensor([[brightness], [contrast], [saturation]], device=images.device)
    factors = 1 + _uniform((3, len(images)), generator, images.device) * most
    return recolour(images.float(), *factors)


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, then contrast (about the mean grey), then saturation multiplied by each image's factors.

    images: (B, C, H, W) float32, 0..255, and so is the result; factors: (B,). Grey images keep their
    saturation, which is 0.
    """
    import torch

    images = (images * brightness.view(-1, 1, 1, 1)).clamp_(0, 255)
    mean = grey(images).mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(mean, images, contrast.view(-1, 1, 1, 1)).clamp_(0, 255)
    if images.shape[1] == 3:
        images = torch.lerp(grey(images), images, saturation.view(-1, 1, 1, 1)).clamp_(0, 255)
    return images


GREY = (0.2989, 0.587, 0.114)
"""How much red, green and blue add to the brightness (ITU-R BT.601, rounded as torchvision rounds it)."""


def grey(images: Tensor) -> Tensor:
    """images: (B, C, H, W) float32 -> (B, 1, H, W), how bright each pixel is."""
    import torch

    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    weights = torch.tensor(GREY, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _uniform(shape: int | tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Numbers from -1 to 1."""
    import torch

    return (torch.rand(shape, generator=generator) * 2 - 1).to(device)


Change = Callable[..., "Tensor"]
"""From images, a generator and some fields of an :class:`Augmentation` to changed images."""

CHANGES: tuple[Change, ...] = (crop_and_flip, affine, stroke, colour)
"""In the order in which they are made; their arguments are called like the fields."""
