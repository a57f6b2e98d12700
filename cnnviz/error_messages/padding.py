"""Paddings: more than a pooling takes, none that a stride allows, of a transposed convolution's output."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, entry, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text


def _of_pooling(match: re.Match[str]) -> Decoded:
    return _too_much("nn.MaxPool2d", int(match[1]), int(match[2]))


def _of_planes(match: re.Match[str]) -> Decoded:
    """The sides of the window come after those of the padding; only one of them may be at fault."""
    width, height, kernel_width, kernel_height = (int(size) for size in match.groups())
    return _worse((width, kernel_width), (height, kernel_height))


def _of_volumes(match: re.Match[str]) -> Decoded:
    kernels, paddings = match.groups()[:3], match.groups()[3:]
    return _worse(*((int(p), int(k)) for p, k in zip(paddings, kernels, strict=True)))


def _worse(*pairs: tuple[int, int]) -> Decoded:
    padding, kernel = max(pairs, key=lambda pair: pair[0] - pair[1] // 2)
    return _too_much("nn.MaxPool2d" if len(pairs) == 2 else "nn.MaxPool3d", padding, kernel)


def _of_sequences(match: re.Match[str]) -> Decoded:
    return _too_much("nn.MaxPool1d", int(match[1]), int(match[2]))


def _too_much(layer: str, padding: int, kernel: int) -> Decoded:
    most = kernel // 2
    return one_remedy(
        Message(
            "A pooling with a window of {kernel} pads by {padding}, more than half of its window.",
            kernel=kernel,
            padding=padding,
        ),
        Message(
            "Take a padding of at most {most}: more would make windows of nothing but padding. A dilation does not "
            "change that.",
            most=most,
        ),
        f"padding={most}",
        f"{layer}({kernel}, padding={padding})",
    )


def _negative(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("A padding is below zero; it is the number of cells that are added on each side."),
        Message("Take 0 for none. To take cells away, cut them off."),
        "x = x[..., 1:-1, 1:-1]",
    )


def _same_with_stride(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("padding='same' goes with stride 1 alone."),
        Message(
            "padding='same' means that the size stays, and a stride makes it smaller: give the padding as a number, "
            "(kernel_size - 1) / 2."
        ),
        "nn.Conv2d(16, 32, 3, stride=2, padding=1)",
        "nn.Conv2d(..., stride=2, padding='same')",
    )


def _of_output(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "The output padding of a transposed convolution must be smaller than its stride or its dilation: it chooses "
            "among the sizes that a convolution with this stride would bring to the same size, and there are no more."
        ),
        Message("With stride 2 take 0 or 1, with stride 1 take 0."),
        "nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1)",
        "nn.ConvTranspose2d(..., output_padding=...)",
    )


def _output_size(match: re.Match[str]) -> Decoded:
    wanted, least, most = (shape_text(sizes(match[n])) for n in (1, 2, 3))
    return one_remedy(
        Message(
            "An output of {wanted} was asked for, and this transposed convolution can give sizes from {least} to {most}.",
            wanted=wanted,
            least=least,
            most=most,
        ),
        Message("Ask for one of these sizes, or change the stride: it is what enlarges."),
        layer="nn.ConvTranspose2d",
    )


def _reflected(match: re.Match[str]) -> Decoded:
    shape, dimension = sizes(match[3]), int(match[2])
    return one_remedy(
        Message(
            "The padding {padding} reflects the input at its edge and needs more values than there are: dimension "
            "{dimension} of {shape}.",
            padding=str(sizes(match[1])),
            dimension=dimension,
            shape=shape_text(shape),
        ),
        Message("Take a padding smaller than the size, larger images, or a padding with zeros."),
        "F.pad(x, padding)",
        "F.pad(x, padding, mode='reflect')",
    )


def _several(match: re.Match[str]) -> Decoded:
    name, count, given = match[1], int(match[2]), sizes(match[3])
    return one_remedy(
        Message(
            "{name} takes one number, or {count}, one for each side; {given} were given.",
            name=name,
            count=count,
            given=len(given),
        ),
        Message("Give it one number for all sides; batch and channels have none."),
        f"{name}={given[0]}",
    )


_TITLE = Message("A padding that does not fit")

ENTRIES = (
    entry(
        _TITLE,
        rf"pad should be at most half of effective kernel size, but got pad={NUMBER}, kernel_size={NUMBER} and "
        rf"dilation={NUMBER}",
        _of_pooling,
    ),
    entry(
        _TITLE,
        rf"pad should be smaller than or equal to half of kernel size, but got padW = {NUMBER}, padH = {NUMBER}, "
        rf"kW = {NUMBER}, kH = {NUMBER}",
        _of_planes,
    ),
    entry(
        _TITLE,
        rf"pad should be smaller than or equal to half of kernel size, but got kT: {NUMBER} kW: {NUMBER} kH: {NUMBER} "
        rf"padT: {NUMBER} padW: {NUMBER} padH: {NUMBER}",
        _of_volumes,
    ),
    entry(
        _TITLE,
        rf"max_pool1d\(\) padding should be at most half of kernel size, but got padding={NUMBER} and "
        rf"kernel_size={NUMBER}",
        _of_sequences,
    ),
    *(
        entry(_TITLE, pattern, _negative)
        for pattern in (
            r"pad(?:ding)? must be non-negative, but got (?:pad: )?-\d{1,9}",
            r"negative padding is not supported",
        )
    ),
    entry(_TITLE, r"padding='same' is not supported for strided convolutions", _same_with_stride),
    entry(_TITLE, r"output padding must be smaller than either stride or dilation", _of_output),
    entry(
        _TITLE,
        rf"requested an output size of \({SIZES}\), but valid sizes range from \[{SIZES}\] to \[{SIZES}\]",
        _output_size,
    ),
    entry(
        _TITLE,
        rf"Padding size should be less than the corresponding input dimension, but got: padding \({SIZES}\) at "
        rf"dimension {NUMBER} of input \[{SIZES}\]",
        _reflected,
    ),
    entry(
        Message("A size for another number of sides"),
        rf"expected (\w{{1,20}}) to be a single integer value or a list of {NUMBER} values to match the convolution "
        rf"dimensions, but got \w{{1,20}}=\[{SIZES}\]",
        _several,
    ),
)
