"""Convolutions and poolings: channels, windows larger than the map, groups, a bias."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import Shape, shape_text


def _channels(match: re.Match[str]) -> Decoded:
    transposed = match[1] == "transposed"
    groups = 1 if transposed else int(match[2])
    weight, arrived = sizes(match[3]), sizes(match[4])
    expected, received = int(match[5]), int(match[6])
    out_channels = weight[1] if transposed else weight[0]
    name = f"Conv{'Transpose' if transposed else ''}{len(weight) - 2}d"
    rest = f"{out_channels}, kernel_size={_kernel(weight[2:])}" + (f", groups={groups}" if groups > 1 else "")
    reasons = [*_misread_channels(arrived, expected), *_colours(expected, received)]
    text = Message(
        "Or the layer before has another number of channels than this one was made for: give this one the number "
        "that arrives, or that one {channels}.",
        channels=numbers.channels(expected),
    )
    code = None if received % groups else f"nn.{name}({received}, {rest})"
    return Decoded(
        meaning=Message(
            "The convolution was made for inputs with {channels}, the second number of a shape; the tensor that "
            "arrives is {shape}.",
            channels=numbers.channels(expected),
            shape=shape_text(arrived),
        ),
        reasons=(*reasons, Reason(text, code)),
        layer=f"nn.{name}({expected}, {rest})",
    )


def _kernel(window: Shape) -> str:
    return str(window[0]) if len(set(window)) == 1 else f"({', '.join(map(str, window))})"


def _misread_channels(arrived: Shape, expected: int) -> list[Reason]:
    """Another dimension than the second holds the channels."""
    if len(arrived) == 4 and arrived[0] == expected == 1 and arrived[1] > 4:
        text = Message(
            "If {images} grey images are meant: their channel is missing, so they count as one image of "
            "{images} channels.",
            images=arrived[1],
        )
        return [Reason(text, "x = x.unsqueeze(1)")]
    if len(arrived) == 4 and arrived[-1] == expected != arrived[1]:
        text = Message(
            "The channels stand last, as in NumPy and Matplotlib; PyTorch wants them before height and width."
        )
        return [Reason(text, "x = x.permute(0, 3, 1, 2)")]
    return []


def _colours(expected: int, received: int) -> list[Reason]:
    if (expected, received) == (1, 3):
        text = Message("The network is made for grey images and gets coloured ones: turn them grey.")
        return [Reason(text, "transforms.Grayscale()")]
    if (expected, received) == (3, 1):
        text = Message("The network is made for coloured images and gets grey ones: repeat the one channel.")
        return [Reason(text, "transforms.Grayscale(num_output_channels=3)")]
    if (expected, received) in ((3, 4), (1, 4)):
        text = Message(
            "Four channels are those of a PNG with transparency: convert the image when it is read."
        )
        return [Reason(text, "image.convert('RGB')" if expected == 3 else "image.convert('L')")]
    return []


def _kernel_too_large(match: re.Match[str]) -> Decoded:
    room, kernel = sizes(match[1]), sizes(match[2])
    missing = max(k - n for k, n in zip(kernel, room, strict=True))
    return Decoded(
        meaning=Message(
            "The kernel of {kernel} is larger than the map that it is to move over: {room}, padding included.",
            kernel=shape_text(kernel),
            room=shape_text(room),
        ),
        reasons=(
            Reason(
                Message(
                    "The map has become too small on the way: every pooling and every stride of 2 halves it, every "
                    "kernel without padding takes an edge off. Leave one of them out, or take larger images."
                )
            ),
            Reason(
                Message(
                    "Or give this layer a padding: {padding} more on each side makes its kernel fit.",
                    padding=-(-missing // 2),
                )
            ),
        ),
        layer=f"nn.Conv{len(kernel)}d(..., kernel_size={_kernel(kernel)})",
    )


def _pooling_too_large(match: re.Match[str]) -> Decoded:
    arrived = sizes(match[1])
    if not arrived:
        raise ValueError("no sizes: PyTorch did not write this")
    halvings = Message(
        "Each pooling by 2 halves height and width: 28, 14, 7, 3, 1, and then nothing is left to halve. Leave one "
        "out, or take larger images."
    )
    return Decoded(
        meaning=Message(
            "The window of the pooling is larger than the map: {shape} arrives, and no window fits.",
            shape=shape_text(arrived),
        ),
        reasons=(
            Reason(halvings),
            Reason(
                Message("Or let the pooling choose its window, so that any size fits."),
                "nn.AdaptiveAvgPool2d(1)",
            ),
        ),
        layer=f"nn.MaxPool{len(arrived) - 1}d / nn.AvgPool{len(arrived) - 1}d",
    )


def _line_pooling_too_large(match: re.Match[str]) -> Decoded:
    text = Message("The sequence has become too short on the way: leave a pooling out, or take longer ones.")
    return one_remedy(
        Message("The window of the pooling is longer than the sequence: no window fits."),
        text,
        layer="nn.MaxPool1d",
    )


def _divisible(match: re.Match[str]) -> Decoded:
    which = f"{match[1]}_channels"
    text = Message(
        "With groups the channels are dealt out evenly, a convolution for each heap: choose a number of groups "
        "that divides in_channels and out_channels. groups=in_channels is the depthwise convolution."
    )
    return one_remedy(
        Message("{which} is no multiple of groups.", which=which),
        text,
        "nn.Conv2d(32, 64, 3, groups=32)",
        "nn.Conv2d(..., groups=...)",
    )


def _divisible_weight(match: re.Match[str]) -> Decoded:
    groups, weight = int(match[1]), sizes(match[3])
    text = Message("Choose a number of groups that divides the number of output channels.")
    return one_remedy(
        Message(
            "The output's {channels} cannot be dealt out to {groups} groups.",
            channels=numbers.channels(weight[0]),
            groups=groups,
        ),
        text,
        layer="F.conv2d(..., groups=...)",
    )


def _bias(match: re.Match[str]) -> Decoded:
    count = int(match[3])
    return one_remedy(
        Message(
            "The convolution gives {channels} and takes one bias for each; the bias that it was given has the shape "
            "{shape}.",
            channels=numbers.channels(count),
            shape=shape_text(sizes(match[4])),
        ),
        Message("Give the bias one dimension with one number for each output channel, or leave it out."),
        f"bias = torch.zeros({count})",
        f"F.conv{'_transpose' if match[1] else ''}{len(sizes(match[2])) - 2}d(x, weight, bias)",
    )


ENTRIES = (
    entry(
        Message("A convolution that receives another number of channels"),
        rf"Given (groups|transposed)={NUMBER}, weight of size \[{SIZES}\], expected input ?\[{SIZES}\] to have "
        rf"{NUMBER} channels, but got {NUMBER} channels instead",
        _channels,
    ),
    entry(
        Message("A kernel that is larger than its input"),
        rf"Calculated padded input size per channel: \({SIZES}\)\. Kernel size: \({SIZES}\)\. "
        r"Kernel size can't be greater than actual input size",
        _kernel_too_large,
    ),
    entry(
        Message("A pooling whose input is too small"),
        rf"Given input size: \({SIZES}\)\. Calculated output size: \({SIZES}\)\. Output size is too small",
        _pooling_too_large,
    ),
    entry(
        Message("A pooling whose input is too small"),
        r"max_pool1d\(\) Invalid computed output size",
        _line_pooling_too_large,
    ),
    entry(
        Message("Groups that do not divide the channels"),
        r"(in|out)_channels must be divisible by groups",
        _divisible,
    ),
    entry(
        Message("Groups that do not divide the channels"),
        rf"Given groups={NUMBER}, expected weight to be divisible by {NUMBER} at dimension 0, but got weight of "
        rf"size \[+{SIZES}\]+ instead",
        _divisible_weight,
    ),
    entry(
        Message("A bias that does not fit"),
        rf"Given (transposed=1, )?weight of size \[{SIZES}\], expected bias to be 1-dimensional with {NUMBER} elements, "
        rf"but got bias of size \[{SIZES}\] instead",
        _bias,
    ),
)
