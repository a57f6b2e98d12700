"""Dimensions put into another order, and values dealt out to others: permute, unflatten, pixel_shuffle, expand."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, entry, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import product, shape_text

_LAST_FIRST = "x = x.permute(0, 3, 1, 2)"


def _permute(match: re.Match[str]) -> Decoded:
    present, named = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "permute names every dimension once, the batch among them: the tensor has {present}, and {named} are named.",
            present=present,
            named=named,
        ),
        Message("Name all of them, in the new order; (batch, height, width, channels) becomes an input so:"),
        _LAST_FIRST,
        "x.permute(...)",
    )


def _permute_twice(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("permute names every dimension once, and here one is named twice."),
        Message("Name all of them, in the new order; (batch, height, width, channels) becomes an input so:"),
        _LAST_FIRST,
        "x.permute(...)",
    )


def _shuffle(match: re.Match[str]) -> Decoded:
    channels, square = int(match[1]), int(match[2])
    factor, fitting = round(square**0.5), max(1, round(channels / square)) * square
    return one_remedy(
        Message(
            "PixelShuffle({factor}) makes {factor} x {factor} pixels of {square} channels; the number that arrives, "
            "{channels}, is no multiple of {square}.",
            factor=factor,
            square=square,
            channels=channels,
        ),
        Message("Let the convolution before it give {fitting} channels.", fitting=fitting),
        f"nn.Conv2d(in_channels, {fitting}, 3, padding=1)",
        f"nn.PixelShuffle({factor})",
    )


def _unshuffle(match: re.Match[str]) -> Decoded:
    size, factor = int(match[2]), int(match[3])
    return one_remedy(
        Message(
            "PixelUnshuffle({factor}) makes channels of {factor} x {factor} pixels; the {side} of {size} is no multiple "
            "of {factor}.",
            factor=factor,
            side=Message("height") if match[1] == "height" else Message("width"),
            size=size,
        ),
        Message("Take images whose height and width are multiples of {factor}, or pad them.", factor=factor),
        layer=f"nn.PixelUnshuffle({factor})",
    )


def _shuffled_dimensions(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "{layer} takes maps with at least 3 dimensions (channels, height, width); one with {count} arrives.",
            layer=match[1],
            count=int(match[2]),
        ),
        Message("The channel or the batch is missing: add a dimension in front."),
        "x = x.unsqueeze(0)",
    )


def _unflatten(match: re.Match[str]) -> Decoded:
    wanted, dimension, count = sizes(match[1]), int(match[2]), int(match[3])
    known = product(tuple(size for size in wanted if size > 0))
    shape = str(list(wanted))
    if -1 in wanted:
        meaning = Message(
            "The {count} values of dimension {dimension} are to become {shape}, but {count} is no multiple of {known}.",
            count=count,
            dimension=dimension,
            shape=shape,
            known=known,
        )
    else:
        meaning = Message(
            "The {count} values of dimension {dimension} are to become {shape}, which holds {known}.",
            count=count,
            dimension=dimension,
            shape=shape,
            known=known,
        )
    text = Message(
        "Let the layer before give the product of the sizes, or let one size be worked out: write -1 for it."
    )
    return one_remedy(meaning, text, layer=f"nn.Unflatten({dimension}, {tuple(wanted)})")


def _expand(match: re.Match[str]) -> Decoded:
    wanted, present, dimension = int(match[1]), int(match[2]), int(match[3])
    return one_remedy(
        Message(
            "A tensor of {present_shape} is to fill a place of {wanted_shape}: in dimension {dimension} there are "
            "{present} values for {wanted}. Only a size of 1 can be repeated.",
            present_shape=shape_text(sizes(match[5])),
            wanted_shape=shape_text(sizes(match[4])),
            dimension=dimension,
            present=present,
            wanted=wanted,
        ),
        Message(
            "In an assignment such as x[:, 0] = y, both sides need the same shape; expand and repeat differ in that "
            "repeat copies whatever size there is."
        ),
        layer="x[...] = y / x.expand(...)",
    )


_ORDER = Message("Dimensions in an impossible order")
_DEALT = Message("Values that cannot be dealt out to new dimensions")

ENTRIES = (
    entry(
        _ORDER,
        rf"does not match the length of the desired ordering of dimensions i\.e\. input\.dim\(\) = {NUMBER} is not equal "
        rf"to len\(dims\) = {NUMBER}",
        _permute,
    ),
    entry(_ORDER, r"permute\(\): duplicate dims are not allowed", _permute_twice),
    entry(
        _DEALT,
        r"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
        rf"input\.size\(-3\)={NUMBER} is not divisible by {NUMBER}",
        _shuffle,
    ),
    entry(
        _DEALT,
        rf"pixel_unshuffle expects (height|width) to be divisible by downscale_factor, but input\.size\(-\d\)={NUMBER} "
        rf"is not divisible by {NUMBER}",
        _unshuffle,
    ),
    entry(
        Message("A tensor with the wrong number of dimensions"),
        r"(pixel_(?:un)?shuffle) expects input to have at least 3 dimensions, but got input with (\d{1,3}) dimension",
        _shuffled_dimensions,
    ),
    entry(
        _DEALT,
        rf"unflatten: Provided sizes \[{SIZES}\] don't multiply up to the size of dim (\d{{1,3}}) \({NUMBER}\)",
        _unflatten,
    ),
    entry(
        Message("An assignment or expansion of unlike shapes"),
        rf"The expanded size of the tensor \({NUMBER}\) must match the existing size \({NUMBER}\) at non-singleton "
        rf"dimension (\d{{1,3}})\. Target sizes: \[{SIZES}\]\. Tensor sizes: \[{SIZES}\]",
        _expand,
    ),
)
