"""Tensors that are added or joined and do not match, and dimensions put into another order or dealt out to others."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import product, shape_text

_MOST_EDGE = 10


def _sides(first: int, second: int) -> tuple[Reason, ...]:
    """How one branch comes to be smaller than the other by so much."""
    small, large = sorted((first, second))
    edge, half = large - small, (large // 2, -(-large // 2))
    reasons = []
    if small > 1 and small in half:
        text = Message(
            "{small} is half of {large}: one branch has a stride of 2 or a pooling that the other has not. Give the "
            "other the same (a shortcut gets a 1x1 convolution with stride 2).",
            small=small,
            large=large,
        )
        reasons.append(Reason(text, "nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=2)"))
    if edge % 2 == 0 and 0 < edge <= _MOST_EDGE:
        text = Message(
            "{edge} is what kernels without padding take off: one of {kernel} x {kernel}, for one. A padding of "
            "{padding} keeps the size.",
            edge=edge,
            kernel=edge + 1,
            padding=edge // 2,
        )
        reasons.append(Reason(text, f"kernel_size={edge + 1}, padding={edge // 2}"))
    if edge == 1:
        text = Message(
            "One pixel is what rounding costs: an odd size was halved in one branch and doubled again, or a "
            "kernel of even size was padded. Take images whose size can be halved as often as the network does."
        )
        reasons.append(Reason(text))
    return tuple(reasons)


_NAMES = (
    Message("the images of the batch"),
    Message("the channels"),
    Message("the height"),
    Message("the width"),
)


def _broadcast(match: re.Match[str]) -> Decoded:
    first, second, dimension = int(match[1]), int(match[2]), int(match[3])
    if dimension >= 2:
        reasons = _sides(first, second)
    elif dimension == 1:
        text = Message(
            "If maps are added: a 1x1 convolution gives the shortcut the channels of the other branch. If a loss is "
            "computed: output and target have another shape, such as (64, 10) and (64)."
        )
        reasons = (Reason(text, "nn.Conv2d(in_channels, out_channels, kernel_size=1)"),)
    else:
        text = Message("Both sides come from other numbers of images: were images mixed by a view(-1, ...)?")
        reasons = (Reason(text, "x = x.flatten(1)"),)
    where = _NAMES[dimension] if dimension < len(_NAMES) else Message("dimension {n}", n=dimension)
    return Decoded(
        meaning=Message(
            "Two tensors are combined value by value, and have {first} and {second} in dimension {dimension} "
            "(of maps that is {where}). Sizes must be equal, or one of them 1.",
            first=first,
            second=second,
            dimension=dimension,
            where=where,
        ),
        reasons=reasons,
    )


def _in_place(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "The result has the shape {result} and does not fit into the tensor of {shape} that is to take it up "
            "(an operation in place: +=, add_).",
            result=shape_text(sizes(match[2])),
            shape=shape_text(sizes(match[1])),
        ),
        Message("Write the sum into a new tensor, which may be larger than both sides."),
        "x = x + y",
    )


def _cat(match: re.Match[str]) -> Decoded:
    dimension, expected, received, number = map(int, match.groups())
    return Decoded(
        meaning=Message(
            "The tensors are joined along dimension {dimension}, so all other sizes must agree: the first one has "
            "{expected}, and number {number} (counted from 0) has {received}.",
            dimension=dimension,
            expected=expected,
            number=number,
            received=received,
        ),
        reasons=(
            *_sides(expected, received),
            Reason(
                Message(
                    "Each branch keeps height and width with stride 1 and a padding of (kernel_size - 1) / 2."
                ),
                "nn.Conv2d(16, 24, kernel_size=5, padding=2)",
            ),
        ),
        layer=f"torch.cat(..., dim={dimension})",
    )


def _cat_dimensions(match: re.Match[str]) -> Decoded:
    first, second = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "The tensors that are joined have {first} and {second} dimensions; all must have the same number.",
            first=first,
            second=second,
        ),
        Message(
            "One of them was flattened or averaged and the others were not: treat all alike before joining."
        ),
        layer="torch.cat",
    )


def _stack(match: re.Match[str]) -> Decoded:
    first, other, number = sizes(match[1]), sizes(match[3]), int(match[4])
    return one_remedy(
        Message(
            "The tensors are stacked, so all must have the shape of the first, {first}; number {number} has {other}.",
            first=shape_text(first),
            number=number,
            other=shape_text(other),
        ),
        Message(
            "A DataLoader stacks the images of a batch, so all must have one size and one number of channels: resize, "
            "crop and convert them in the data set's transform."
        ),
        "transforms.Resize((28, 28))",
        "torch.stack",
    )


_MERGES = (
    entry(
        Message("An addition of unlike shapes"),
        rf"The size of tensor a \({NUMBER}\) must match the size of tensor b \({NUMBER}\) at non-singleton "
        r"dimension (\d{1,3})",
        _broadcast,
    ),
    entry(
        Message("An addition of unlike shapes"),
        rf"output with shape \[{SIZES}\] doesn't match the broadcast shape \[{SIZES}\]",
        _in_place,
    ),
    entry(
        Message("A concatenation of unlike sizes"),
        rf"Sizes of tensors must match except in dimension (\d{{1,3}})\. Expected size {NUMBER} but got size "
        rf"{NUMBER} for tensor number {NUMBER}",
        _cat,
    ),
    entry(
        Message("A concatenation of unlike sizes"),
        r"Tensors must have same number of dimensions: got (\d{1,3}) and (\d{1,3})",
        _cat_dimensions,
    ),
    entry(
        Message("Images of unlike sizes in one batch"),
        rf"stack expects each tensor to be equal size, but got \[{SIZES}\] at entry {NUMBER} and \[{SIZES}\] at "
        rf"entry {NUMBER}",
        _stack,
    ),
)


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

_ORDERS = (
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

ENTRIES = (*_MERGES, *_ORDERS)
