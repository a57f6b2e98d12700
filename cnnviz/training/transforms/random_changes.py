"""Random changes of a batch of images, each image's own, without a loop over the images.

Images are (B, C, H, W), 0..255, black outside. Every function draws from the generator that it is given
(on the CPU, so that a GPU gets the same numbers), and draws the same count of numbers whatever they are.
The source of this module stands by itself: it needs torch and nothing of cnnviz.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

GREY = (0.2989, 0.587, 0.114)
"""How much red, green and blue add to the brightness (ITU-R BT.601, rounded as torchvision rounds it)."""


def augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    crop_padding: int = 0,
    flip: bool = False,
    rotation: float = 0.0,
    scale: float = 0.0,
    shift: float = 0.0,
    shear: float = 0.0,
    stroke_width: float = 0.0,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
) -> Tensor:
    """All changes that are not 0 or False, in this order: crop, flip, affine, stroke width, colours.

    images: (B, C, H, W) uint8 or float32, 0..255 -> the same shape; uint8 where it was and only crop and
    flip are wanted, else float32. :class:`cnnviz.training.recipe.image_preparation.Augmentation` tells what
    the numbers mean.
    """
    if crop_padding or flip:
        images = crop_and_flip(images, generator, crop_padding, flip)
    if rotation or scale or shift or shear:
        images = warp(images.float(), *_affine_draws(images, generator, rotation, scale, shift, shear))
    if stroke_width:
        change = _uniform(len(images), generator, images.device) * stroke_width
        images = restroke(images.float(), change, stroke_width)
    if brightness or contrast or saturation:
        factors = 1 + _uniform((3, len(images)), generator, images.device) * torch.tensor(
            [[brightness], [contrast], [saturation]], device=images.device
        )
        images = recolour(images.float(), *factors)
    return images


def crop_and_flip(images: Tensor, generator: torch.Generator, padding: int, flip: bool) -> Tensor:
    """Windows of the images' own size, cut at random out of the images with a black edge ``padding`` pixels
    wide, half of them mirrored where ``flip``. Shape and type stay.
    """
    count, channels, height, width = images.shape
    top, left = torch.randint(0, 2 * padding + 1, (2, count), generator=generator)
    mirrored = torch.rand(count, generator=generator) < (0.5 if flip else 0.0)
    rows = top[:, None] + torch.arange(height)
    columns = torch.arange(width).expand(count, -1)
    columns = left[:, None] + torch.where(mirrored[:, None], width - 1 - columns, columns)
    places = (rows[:, :, None] * (width + 2 * padding) + columns[:, None, :]).to(images.device)
    places = places.view(count, 1, -1).expand(-1, channels, -1)
    return F.pad(images, (padding,) * 4).flatten(2).gather(2, places).view(images.shape)


def warp(images: Tensor, angle: Tensor, size: Tensor, shift: Tensor, shear: Tensor) -> Tensor:
    """Each image sheared and turned (``angle`` and ``shear`` in radians), scaled by ``size``, moved by ``shift``.

    images: (B, C, H, W) float32; angle, size, shear: (B,); shift: (B, 2), parts of width and height. All
    about the middle of the image; bilinear between pixels; angles as torchvision's ``affine`` takes them.
    """
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


def restroke(images: Tensor, change: Tensor, most: float) -> Tensor:
    """Bright strokes wider by ``change`` pixels, or thinner where it is negative.

    images: (B, C, H, W) float32; change: (B,), from ``-most`` to ``most``. Grey dilation and erosion (Serra
    1982, Image Analysis and Mathematical Morphology) by a plus of five pixels move each edge by one pixel;
    in between, the images before and after a move are mixed.
    """
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
    result = images.clone()
    for axis in (2, 3):
        size = images.shape[axis] - 1
        for start, other in ((0, 1), (1, 0)):
            part = result.narrow(axis, start, size)
            torch.maximum(part, images.narrow(axis, other, size), out=part)
    return result


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, then contrast (about the mean grey), then saturation multiplied by each image's factors.

    images: (B, C, H, W) float32, 0..255, and so is the result; factors: (B,). Grey images keep their
    saturation, which is 0.
    """
    images = (images * brightness.view(-1, 1, 1, 1)).clamp_(0, 255)
    mean = grey(images).mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(mean, images, contrast.view(-1, 1, 1, 1)).clamp_(0, 255)
    if images.shape[1] == 3:
        images = torch.lerp(grey(images), images, saturation.view(-1, 1, 1, 1)).clamp_(0, 255)
    return images


def grey(images: Tensor) -> Tensor:
    """images: (B, C, H, W) float32 -> (B, 1, H, W), how bright each pixel is."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    weights = torch.tensor(GREY, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _affine_draws(
    images: Tensor, generator: torch.Generator, rotation: float, scale: float, shift: float, shear: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draws = _uniform((5, len(images)), generator, images.device)
    return (
        draws[0] * math.radians(rotation),
        1 + draws[1] * scale,
        draws[2:4].T * shift,
        draws[4] * math.radians(shear),
    )


def _uniform(shape: int | tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Numbers from -1 to 1."""
    return (torch.rand(shape, generator=generator) * 2 - 1).to(device)
