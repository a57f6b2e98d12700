"""Tensors with too few or too many dimensions: a batch or a channel that is missing."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import SIZES, Decoded, Reason, entry, sizes
from cnnviz.language import Message
from cnnviz.operations.op import Shape, shape_text


def _convolution(match: re.Match[str]) -> Decoded:
    single, batched, arrived = int(match[1]), int(match[2]), sizes(match[4])
    layer = f"nn.Conv{single - 1}d"
    return Decoded(
        meaning=Message(
            "{layer} takes one image with {single} dimensions or a batch with {batched}; a tensor with {count} "
            "arrives: {shape}.",
            layer=layer,
            single=single,
            batched=batched,
            count=len(arrived),
            shape=shape_text(arrived),
        ),
        reasons=_missing_dimensions(arrived, single, batched),
        layer=layer,
    )


def _missing_dimensions(arrived: Shape, single: int, batched: int) -> tuple[Reason, ...]:
    if len(arrived) > batched:
        text = Message("There are too many dimensions: take those of size 1 away, or merge two of them.")
        return (Reason(text, "x = x.flatten(0, 1)"),)
    reasons = []
    side = round(arrived[-1] ** 0.5) if arrived else 0
    if single == 3 and side > 1 and side**2 == arrived[-1]:
        text = Message(
            "The images are flat, {values} = {side} x {side}: give them their shape (channel, height, width) back.",
            values=arrived[-1],
            side=side,
        )
        reasons.append(Reason(text, f"x = x.view(-1, 1, {side}, {side})"))
    text = Message(
        "The channel is missing (a grey image has one, too), and the batch: add a dimension for each."
    )
    return (*reasons, Reason(text, "x = x.unsqueeze(0).unsqueeze(0)"))


def _pooling(match: re.Match[str]) -> Decoded:
    text = Message("The channel or the batch is missing: add a dimension in front.")
    return Decoded(
        meaning=Message(
            "The pooling takes maps with 3 dimensions (channels, height, width) or a batch of them with 4, none "
            "of size 0."
        ),
        reasons=(Reason(text, "x = x.unsqueeze(0)"),),
        layer="nn.MaxPool2d / nn.AvgPool2d",
    )


def _out_of_range(match: re.Match[str]) -> Decoded:
    dimension = int(match[3])
    text = Message("Usually one image was given without a batch around it: add the dimension in front.")
    return Decoded(
        meaning=Message(
            "Dimension {dimension} was asked for; dimensions count from 0, and the last one here is {last}.",
            dimension=dimension,
            last=int(match[2]),
        ),
        reasons=(Reason(text, "x = x.unsqueeze(0)"),),
    )


def _normalisation(match: re.Match[str]) -> Decoded:
    wanted = match[1] if match[2] is None else f"{match[1]} / {match[2]}"
    received = int(match[3])
    text = Message(
        "After a flatten there are two dimensions (batch, features), which BatchNorm1d takes; maps (batch, "
        "channels, height, width) go to BatchNorm2d."
    )
    return Decoded(
        meaning=Message(
            "The normalisation takes tensors with {wanted} dimensions; one with {received} arrives.",
            wanted=wanted,
            received=received,
        ),
        reasons=(Reason(text, "nn.BatchNorm1d(...)" if received < 4 else "nn.BatchNorm2d(...)"),),
        layer="nn.BatchNorm2d" if match[1] == "4" else "nn.BatchNorm1d",
    )


ENTRIES = (
    entry(
        Message("A tensor with the wrong number of dimensions"),
        rf"Expected (\d)D \(unbatched\) or (\d)D \(batched\) input to (conv\w{{1,20}}), but got input of size: "
        rf"\[{SIZES}\]",
        _convolution,
    ),
    entry(
        Message("A tensor with the wrong number of dimensions"),
        r"non-empty 3D or 4D \(batch mode\) tensor expected for input",
        _pooling,
    ),
    entry(
        Message("A tensor with the wrong number of dimensions"),
        r"Dimension out of range \(expected to be in range of \[(-\d{1,3}), (\d{1,3})\], but got (-?\d{1,3})\)",
        _out_of_range,
    ),
    entry(
        Message("A tensor with the wrong number of dimensions"),
        r"expected (\d)D(?: or (\d)D)? input \(got (\d)D input\)",
        _normalisation,
    ),
)
