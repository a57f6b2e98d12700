"""Normalisations, and PReLU: the number of channels, groups, too few values to take a mean of."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text
from cnnviz.operations.refusals import (
    Layer,
    normalises_other_channels,
    normalises_other_sizes,
    normalises_single_values,
    uneven_groups,
)

ENTRIES = Entries()
entry = ENTRIES.add


_WHAT = Message("normalisation")


@entry(
    Message("Normalisation with the wrong number of channels"),
    rf"(running_mean|running_var|weight|bias) should contain {NUMBER} elements not {NUMBER}",
)
def _batch_norm(match: re.Match[str]) -> Decoded:
    return _other_channels("BatchNorm2d", int(match[3]), int(match[2]))


@entry(
    Message("Normalisation with the wrong number of channels"),
    rf"expected input's size at dim=1 to match num_features \({NUMBER}\), but got: {NUMBER}",
)
def _instance_norm(match: re.Match[str]) -> Decoded:
    return _other_channels("InstanceNorm2d", int(match[1]), int(match[2]))


def _other_channels(layer: str, expected: int, received: int) -> Decoded:
    refused = normalises_other_channels(Layer(_WHAT, layer), "num_features", expected, received)
    return one_remedy(
        refused.reason, refused.advice, f"nn.{layer}({received})", layer=f"nn.{layer}({expected})"
    )


@entry(
    Message("Training batch with a single image"),
    rf"Expected more than 1 value per channel when training, got input size (?:torch\.Size\()?\[{SIZES}\]",
)
def _one_value(match: re.Match[str]) -> Decoded:
    reasons = (
        Reason(
            Message(
                "To predict a single image, switch the network to evaluation mode, where it uses its "
                "running statistics."
            ),
            "model.eval()",
        ),
        Reason(
            Message(
                "In training, the last batch of an epoch may contain only one image: drop it, or choose "
                "another batch size."
            ),
            "DataLoader(data, batch_size=64, shuffle=True, drop_last=True)",
        ),
    )
    return Decoded(
        meaning=Message(
            "In training, normalisation computes mean and variance over all values of a channel. In a "
            "{shape} tensor each channel has one value, so there is no variance.",
            shape=shape_text(sizes(match[1])),
        ),
        reasons=reasons,
        layer="nn.BatchNorm",
    )


@entry(
    Message("Instance normalisation of 1-pixel maps"),
    rf"Expected more than 1 spatial element when training, got input size (?:torch\.Size\()?\[{SIZES}\]",
)
def _one_pixel(match: re.Match[str]) -> Decoded:
    refused = normalises_single_values(Layer(_WHAT, "InstanceNorm2d"), sizes(match[1])[2:])
    reasons = (
        Reason(refused.advice),
        Reason(
            Message(
                "Evaluation mode alone does not help: without running statistics, InstanceNorm computes "
                "its own there too. LayerNorm takes all channels of an image together."
            ),
            "nn.GroupNorm(1, channels)",
        ),
    )
    return Decoded(meaning=refused.reason, reasons=reasons, layer="nn.InstanceNorm2d")


@entry(
    Message("Normalisation with the wrong number of channels"),
    rf"Given normalized_shape=\[{SIZES}\], expected input with shape \[\*,? ?{SIZES}\], but got input of "
    rf"size ?\[{SIZES}\]",
)
def _layer_norm(match: re.Match[str]) -> Decoded:
    expected, arrived = sizes(match[1]), sizes(match[3])
    received = arrived[-len(expected) :]
    refused = normalises_other_sizes(Layer(_WHAT, "LayerNorm"), expected, arrived)
    numbers = str(list(received)) if len(received) > 1 else str(received[0])
    return Decoded(
        meaning=refused.reason,
        reasons=(
            Reason(refused.advice, f"nn.LayerNorm({numbers})"),
            Reason(
                Message("To normalise the channels of maps of any size, use one group with all channels."),
                "nn.GroupNorm(1, channels)",
            ),
        ),
        layer=f"nn.LayerNorm({list(expected)})",
    )


@entry(
    Message("Groups do not divide the channels"),
    rf"num_channels \({NUMBER}\) must be divisible by num_groups \({NUMBER}\)",
)
def _group_norm(match: re.Match[str]) -> Decoded:
    return _uneven_groups(int(match[1]), int(match[2]))


@entry(
    Message("Groups do not divide the channels"),
    rf"Expected number of channels in input to be divisible by num_groups, but got input of shape \[{SIZES}\] and "
    rf"num_groups={NUMBER}",
)
def _group_norm_function(match: re.Match[str]) -> Decoded:
    return _uneven_groups(sizes(match[1])[1], int(match[2]))


def _uneven_groups(channels: int, groups: int) -> Decoded:
    refused = uneven_groups(Layer(_WHAT, "GroupNorm"), channels, groups)
    return one_remedy(refused.reason, refused.advice, layer=f"nn.GroupNorm({groups}, {channels})")


@entry(
    Message("Normalisation with the wrong number of channels"),
    rf"Expected weight to be a vector of size equal to the number of channels in input, but got weight of "
    rf"shape \[{NUMBER}\] and input of shape \[{SIZES}\]",
)
def _group_norm_channels(match: re.Match[str]) -> Decoded:
    expected, arrived = int(match[1]), sizes(match[2])
    layer = Layer(_WHAT, "GroupNorm")
    refused = normalises_other_channels(layer, "num_channels", expected, arrived[1], arrived)
    return one_remedy(
        refused.reason, refused.advice, f"nn.GroupNorm(..., {arrived[1]})", f"nn.GroupNorm(..., {expected})"
    )


@entry(
    Message("Activation with the wrong number of channels"),
    rf"Mismatch of parameter numbers and input channel size\. Found parameter numbers = {NUMBER} and channel size "
    rf"= {NUMBER}",
)
def _prelu(match: re.Match[str]) -> Decoded:
    expected, received = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "PReLU learns one slope for each of {channels}, but the tensor it got has {received}.",
            channels=numbers.channels(expected),
            received=received,
        ),
        Message("Give it one slope for each channel it gets, or a single one for all: nn.PReLU()."),
        f"nn.PReLU({received})",
        f"nn.PReLU({expected})",
    )
