"""Normalisations: the number of channels, groups, too few values to take a mean of."""

from __future__ import annotations

import re

from cnnviz.language import Message
from cnnviz.shapes.decoder.entry import NUMBER, SIZES, Decoded, Reason, entry, sizes
from cnnviz.shapes.op import shape_text


def _batch_norm(match: re.Match[str]) -> Decoded:
    received, expected = int(match[2]), int(match[3])
    text = Message(
        "The layer before gives {received} channels: give the normalisation the same number.",
        received=received,
    )
    return Decoded(
        meaning=Message(
            "The normalisation was made for {expected} channels; the tensor that arrives has {received}.",
            expected=expected,
            received=received,
        ),
        reasons=(Reason(text, f"nn.BatchNorm2d({received})"),),
        layer=f"nn.BatchNorm2d({expected})",
    )


def _one_value(match: re.Match[str]) -> Decoded:
    shape = sizes(match[2])
    reasons = (
        Reason(
            Message(
                "To predict one image, switch the network to evaluation: it then uses its running statistics."
            ),
            "model.eval()",
        ),
        Reason(
            Message(
                "In training, the last batch of an epoch may have one image left: leave it out, or choose another "
                "batch size."
            ),
            "DataLoader(data, batch_size=64, shuffle=True, drop_last=True)",
        ),
    )
    return Decoded(
        meaning=Message(
            "In training a normalisation takes mean and variance over all values of a channel, and in a tensor of "
            "{shape} each channel has one value: there is no variance.",
            shape=shape_text(shape),
        ),
        reasons=reasons,
        layer="nn.BatchNorm" if match[1] == "value per channel" else "nn.InstanceNorm2d",
    )


def _layer_norm(match: re.Match[str]) -> Decoded:
    expected, arrived = sizes(match[1]), sizes(match[3])
    received = arrived[-len(expected) :]
    numbers = str(list(received)) if len(received) > 1 else str(received[0])
    return Decoded(
        meaning=Message(
            "LayerNorm normalises the last sizes of a tensor and was made for {expected}; {arrived} arrives.",
            expected=shape_text(expected),
            arrived=shape_text(arrived),
        ),
        reasons=(
            Reason(Message("Give it the sizes that arrive."), f"nn.LayerNorm({numbers})"),
            Reason(
                Message(
                    "To normalise the channels of maps, whatever their size, take one group of all channels."
                ),
                "nn.GroupNorm(1, channels)",
            ),
        ),
        layer=f"nn.LayerNorm({list(expected)})",
    )


def _group_norm(match: re.Match[str]) -> Decoded:
    channels, groups = int(match[1]), int(match[2])
    fitting = [count for count in range(1, min(channels, 64) + 1) if channels % count == 0]
    text = Message("Choose a number of groups that divides the channels: {counts}.", counts=_listed(fitting))
    return Decoded(
        meaning=Message(
            "{channels} channels cannot be dealt out evenly to {groups} groups.",
            channels=channels,
            groups=groups,
        ),
        reasons=(Reason(text),),
        layer=f"nn.GroupNorm({groups}, {channels})",
    )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")


def _group_norm_channels(match: re.Match[str]) -> Decoded:
    expected, arrived = int(match[1]), sizes(match[2])
    text = Message("Give the normalisation the number of channels that arrives.")
    return Decoded(
        meaning=Message(
            "The normalisation was made for {expected} channels, the second number of a shape; the tensor that arrives "
            "is {shape}.",
            expected=expected,
            shape=shape_text(arrived),
        ),
        reasons=(Reason(text, f"nn.GroupNorm(..., {arrived[1]})"),),
        layer=f"nn.GroupNorm(..., {expected})",
    )


ENTRIES = (
    entry(
        Message("A normalisation for another number of channels"),
        rf"(running_mean|running_var|weight|bias) should contain {NUMBER} elements not {NUMBER}",
        _batch_norm,
    ),
    entry(
        Message("A batch of one image in training"),
        rf"Expected more than 1 (value per channel|spatial element) when training, got input size "
        rf"(?:torch\.Size\()?\[{SIZES}\]",
        _one_value,
    ),
    entry(
        Message("A normalisation for another number of channels"),
        rf"Given normalized_shape=\[{SIZES}\], expected input with shape \[\*, {SIZES}\], but got input of "
        rf"size ?\[{SIZES}\]",
        _layer_norm,
    ),
    entry(
        Message("Groups that do not divide the channels"),
        rf"num_channels \({NUMBER}\) must be divisible by num_groups \({NUMBER}\)",
        _group_norm,
    ),
    entry(
        Message("A normalisation for another number of channels"),
        rf"Expected weight to be a vector of size equal to the number of channels in input, but got weight of "
        rf"shape \[{NUMBER}\] and input of shape \[{SIZES}\]",
        _group_norm_channels,
    ),
)
