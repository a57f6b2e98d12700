"""Tensors that are to be added or joined and do not match."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

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


_DIMENSIONS = (
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
    where = _DIMENSIONS[dimension] if dimension < len(_DIMENSIONS) else Message("dimension {n}", n=dimension)
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
    text = Message("Write the sum into a new tensor, which may be larger than both sides.")
    return Decoded(
        meaning=Message(
            "The result has the shape {result} and does not fit into the tensor of {shape} that is to take it up "
            "(an operation in place: +=, add_).",
            result=shape_text(sizes(match[2])),
            shape=shape_text(sizes(match[1])),
        ),
        reasons=(Reason(text, "x = x + y"),),
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
    text = Message(
        "One of them was flattened or averaged and the others were not: treat all alike before joining."
    )
    return Decoded(
        meaning=Message(
            "The tensors that are joined have {first} and {second} dimensions; all must have the same number.",
            first=first,
            second=second,
        ),
        reasons=(Reason(text),),
        layer="torch.cat",
    )


def _stack(match: re.Match[str]) -> Decoded:
    first, other, number = sizes(match[1]), sizes(match[3]), int(match[4])
    text = Message(
        "A DataLoader stacks the images of a batch, so all must have one size and one number of channels: resize, "
        "crop and convert them in the data set's transform."
    )
    return Decoded(
        meaning=Message(
            "The tensors are stacked, so all must have the shape of the first, {first}; number {number} has {other}.",
            first=shape_text(first),
            number=number,
            other=shape_text(other),
        ),
        reasons=(Reason(text, "transforms.Resize((28, 28))"),),
        layer="torch.stack",
    )


ENTRIES = (
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
