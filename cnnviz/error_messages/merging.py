"""Tensors that are added or joined and do not match, and dimensions put into another order or dealt out to others."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import product, shape_text

ENTRIES = Entries()
entry = ENTRIES.add

_ORDER = Message("Invalid order of dimensions")
_DEALT = Message("Values that cannot be split into new dimensions")


_MOST_EDGE = 10


def _sides(first: int, second: int) -> tuple[Reason, ...]:
    """How one branch comes to be smaller than the other by so much."""
    small, large = sorted((first, second))
    edge, half = large - small, (large // 2, -(-large // 2))
    reasons = []
    if small > 1 and small in half:
        text = Message(
            "{small} is half of {large}: one branch has a stride of 2 or pooling that the other lacks. "
            "Give both the same (for a shortcut, use a 1x1 convolution with stride 2).",
            small=small,
            large=large,
        )
        reasons.append(Reason(text, "nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=2)"))
    if edge % 2 == 0 and 0 < edge <= _MOST_EDGE:
        text = Message(
            "{edge} is what an unpadded kernel removes, such as one {kernel} x {kernel} kernel. A "
            "padding of {padding} keeps the size.",
            edge=edge,
            kernel=edge + 1,
            padding=edge // 2,
        )
        reasons.append(Reason(text, f"kernel_size={edge + 1}, padding={edge // 2}"))
    if edge == 1:
        text = Message(
            "One pixel is a rounding effect: an odd size was halved in one branch and doubled again, or "
            "an even kernel was padded. Use images whose size can be halved as often as the network "
            "does."
        )
        reasons.append(Reason(text))
    return tuple(reasons)


_NAMES = (Message("the batch"), Message("the channels"), Message("the height"), Message("the width"))


@entry(
    Message("Addition of different shapes"),
    rf"The size of tensor a \({NUMBER}\) must match the size of tensor b \({NUMBER}\) at non-singleton "
    r"dimension (\d{1,3})",
)
def _broadcast(match: re.Match[str]) -> Decoded:
    first, second, dimension = int(match[1]), int(match[2]), int(match[3])
    if dimension >= 2:
        reasons = _sides(first, second)
    elif dimension == 1:
        text = Message(
            "If you are adding maps, use a 1x1 convolution to give the shortcut as many channels as the "
            "other branch. If you are computing a loss, output and target have different shapes, such "
            "as (64, 10) and (64)."
        )
        reasons = (Reason(text, "nn.Conv2d(in_channels, out_channels, kernel_size=1)"),)
    else:
        text = Message("The two sides have different numbers of images: did a view(-1, ...) mix the images?")
        image = _normalised(first, second) if max(first, second) <= 4 else ()
        reasons = (*image, Reason(text, "x = x.flatten(1)"))
    where = _NAMES[dimension] if dimension < len(_NAMES) else Message("dimension {n}", n=dimension)
    return Decoded(
        meaning=Message(
            "Two tensors are combined element by element, but their sizes in dimension {dimension} are "
            "{first} and {second} (for maps, that is {where}). The sizes must be equal, or one of them "
            "must be 1.",
            first=first,
            second=second,
            dimension=dimension,
            where=where,
        ),
        reasons=reasons,
    )


@entry(
    Message("Addition of different shapes"),
    rf"output with shape \[{SIZES}\] doesn't match the broadcast shape \[{SIZES}\]",
)
def _in_place(match: re.Match[str]) -> Decoded:
    shape, result = sizes(match[1]), sizes(match[2])
    meaning = Message(
        "The result has shape {result} and does not fit into the {shape} tensor it should be "
        "written to (an in-place operation: +=, add_).",
        result=shape_text(result),
        shape=shape_text(shape),
    )
    new = Reason(
        Message("Write the sum to a new tensor, which may be larger than both operands."), "x = x + y"
    )
    return Decoded(
        meaning, (*_normalised(shape[0], result[0]), new) if len(shape) == len(result) == 3 else (new,)
    )


def _normalised(channels: int, means: int) -> tuple[Reason, ...]:
    """What is wrong where ``transforms.Normalize`` with so many means gets an image of so many channels."""
    if (channels, means) == (1, 3):
        text = Message(
            "transforms.Normalize has three means, but the picture is grey, with 1 channel: use one mean and "
            "one standard deviation."
        )
        return (
            Reason(text, "transforms.Normalize((0.5,), (0.5,))"),
            Reason(
                Message("Or repeat the channel if the network expects colour images."),
                "transforms.Grayscale(num_output_channels=3)",
            ),
        )
    if (channels, means) in ((4, 3), (4, 1)):
        text = Message(
            "Four channels come from a PNG with transparency, and Normalize has no mean for the fourth: "
            "convert the image when you load it."
        )
        return (Reason(text, "image.convert('RGB')"),)
    if channels != means and 0 < means <= 4:
        text = Message("transforms.Normalize needs one mean and one standard deviation per channel.")
        return (Reason(text, "transforms.Normalize(mean, std)"),)
    return ()


_WHAT_KEEPS = Message("A branch keeps height and width with stride 1 and a padding of (kernel_size - 1) / 2.")


@entry(
    Message("Concatenation with mismatched sizes"),
    rf"Sizes of tensors must match except in dimension (\d{{1,3}})\. Expected size {NUMBER} but got size "
    rf"{NUMBER} for tensor number {NUMBER}",
)
def _cat(match: re.Match[str]) -> Decoded:
    dimension, expected, received, number = map(int, match.groups())
    return Decoded(
        meaning=Message(
            "The tensors are concatenated along dimension {dimension}, so all other sizes must match: "
            "the first has {expected}, but number {number} (counting from 0) has {received}.",
            dimension=dimension,
            expected=expected,
            number=number,
            received=received,
        ),
        reasons=(
            *_sides(expected, received),
            Reason(_WHAT_KEEPS, "nn.Conv2d(16, 24, kernel_size=5, padding=2)"),
        ),
        layer=f"torch.cat(..., dim={dimension})",
    )


@entry(
    Message("Concatenation with mismatched sizes"),
    rf"Sizes of tensors must match except in dimension (\d{{1,3}})\. Got {NUMBER} and {NUMBER} in dimension (\d{{1,3}})",
)
def _cat_before(match: re.Match[str]) -> Decoded:
    """The wording of PyTorch 1, in which dimension 0 is that of a batch which a DataLoader makes."""
    dimension, first, other, place = map(int, match.groups())
    meaning = Message(
        "The tensors are concatenated along dimension {dimension}, so all other sizes must match: in dimension {place} "
        "they are {first} and {other}.",
        dimension=dimension,
        place=place,
        first=first,
        other=other,
    )
    if dimension == 0:
        text = Message(
            "A DataLoader stacks the images of a batch, so they need the same size and number of "
            "channels: resize, crop and convert them in the data set's transform."
        )
        return one_remedy(meaning, text, "transforms.Resize((28, 28))", "DataLoader")
    return Decoded(
        meaning, _sides(first, other) or (Reason(_WHAT_KEEPS),), f"torch.cat(..., dim={dimension})"
    )


@entry(
    Message("Concatenation with mismatched sizes"),
    r"Tensors must have same number of dimensions: got (\d{1,3}) and (\d{1,3})",
)
def _cat_dimensions(match: re.Match[str]) -> Decoded:
    first, second = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "The tensors to concatenate have {first} and {second} dimensions; all must have the same number.",
            first=first,
            second=second,
        ),
        Message(
            "Some of them were flattened or averaged and others were not: treat all of them the same "
            "way before concatenating."
        ),
        layer="torch.cat",
    )


@entry(
    Message("Images of different sizes in one batch"),
    rf"stack expects each tensor to be equal size, but got \[{SIZES}\] at entry {NUMBER} and \[{SIZES}\] at "
    rf"entry {NUMBER}",
)
def _stack(match: re.Match[str]) -> Decoded:
    first, other, number = sizes(match[1]), sizes(match[3]), int(match[4])
    return one_remedy(
        Message(
            "The tensors are stacked, so all need the shape of the first, {first}; number {number} has "
            "{other}.",
            first=shape_text(first),
            number=number,
            other=shape_text(other),
        ),
        Message(
            "A DataLoader stacks the images of a batch, so they need the same size and number of "
            "channels: resize, crop and convert them in the data set's transform."
        ),
        "transforms.Resize((28, 28))",
        "torch.stack",
    )


_LAST_FIRST = "x = x.permute(0, 3, 1, 2)"


@entry(
    _ORDER,
    rf"does not match the length of the desired ordering of dimensions i\.e\. input\.dim\(\) = {NUMBER} is not equal "
    rf"to len\(dims\) = {NUMBER}",
)
def _permute(match: re.Match[str]) -> Decoded:
    present, named = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "permute takes every dimension exactly once, including the batch: the tensor has {present}, "
            "but {named} are given.",
            present=present,
            named=named,
        ),
        Message(
            "List all dimensions in the new order. For images of shape (batch, height, width, channels), that "
            "is 0, 3, 1, 2."
        ),
        _LAST_FIRST,
        "x.permute(...)",
    )


@entry(_ORDER, r"permute\(\): duplicate dims are not allowed")
def _permute_twice(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("permute takes every dimension exactly once, but one is given twice."),
        Message(
            "List all dimensions in the new order. For images of shape (batch, height, width, channels), that "
            "is 0, 3, 1, 2."
        ),
        _LAST_FIRST,
        "x.permute(...)",
    )


@entry(
    _DEALT,
    r"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
    rf"input\.size\(-3\)={NUMBER} is not divisible by {NUMBER}",
)
def _shuffle(match: re.Match[str]) -> Decoded:
    return _other_channels(int(match[1]), int(match[2]))


@entry(
    _DEALT,
    rf"Invalid input shape for pixel_shuffle: torch\.Size\(\[{SIZES}\]\) with upscale_factor = {NUMBER}",
)
def _shuffle_on_meta(match: re.Match[str]) -> Decoded:
    """The wording of the meta device."""
    return _other_channels(sizes(match[1])[-3], int(match[2]) ** 2)


def _other_channels(channels: int, square: int) -> Decoded:
    factor, fitting = round(square**0.5), max(1, round(channels / square)) * square
    return one_remedy(
        Message(
            "PixelShuffle({factor}) makes {factor} x {factor} pixels from {square} channels; the "
            "{channels} channels it got are not a multiple of {square}.",
            factor=factor,
            square=square,
            channels=channels,
        ),
        Message("Let the convolution before it output {fitting} channels.", fitting=fitting),
        f"nn.Conv2d(in_channels, {fitting}, 3, padding=1)",
        f"nn.PixelShuffle({factor})",
    )


@entry(
    _DEALT,
    rf"pixel_unshuffle expects (height|width) to be divisible by downscale_factor, but input\.size\(-\d\)={NUMBER} "
    rf"is not divisible by {NUMBER}",
)
def _unshuffle(match: re.Match[str]) -> Decoded:
    size, factor = int(match[2]), int(match[3])
    return one_remedy(
        Message(
            "PixelUnshuffle({factor}) turns {factor} x {factor} pixels into channels; the {side} of "
            "{size} is not a multiple of {factor}.",
            factor=factor,
            side=Message("height") if match[1] == "height" else Message("width"),
            size=size,
        ),
        Message("Use images whose height and width are multiples of {factor}, or pad them.", factor=factor),
        layer=f"nn.PixelUnshuffle({factor})",
    )


@entry(
    Message("Wrong number of dimensions"),
    r"(pixel_(?:un)?shuffle) expects input to have at least 3 dimensions, but got input with (\d{1,3}) dimension",
)
def _shuffled_dimensions(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "{layer} expects maps with at least 3 dimensions (channels, height, width); it got {count}.",
            layer=match[1],
            count=int(match[2]),
        ),
        Message("The batch or channel dimension is missing: add it at the front."),
        "x = x.unsqueeze(0)",
    )


@entry(
    _DEALT,
    rf"unflatten: Provided sizes \[{SIZES}\] don't multiply up to the size of dim (\d{{1,3}}) \({NUMBER}\)",
)
def _unflatten(match: re.Match[str]) -> Decoded:
    wanted, dimension, count = sizes(match[1]), int(match[2]), int(match[3])
    known = product(tuple(size for size in wanted if size > 0))
    shape = str(list(wanted))
    if -1 in wanted:
        meaning = Message(
            "The {count} values of dimension {dimension} should become {shape}, but {count} is not a "
            "multiple of {known}.",
            count=count,
            dimension=dimension,
            shape=shape,
            known=known,
        )
    else:
        meaning = Message(
            "The {count} values of dimension {dimension} should become {shape}, which holds {known}.",
            count=count,
            dimension=dimension,
            shape=shape,
            known=known,
        )
    text = Message(
        "Let the layer before output the product of the sizes, or write -1 to have one size computed."
    )
    return one_remedy(meaning, text, layer=f"nn.Unflatten({dimension}, {tuple(wanted)})")


@entry(
    Message("Assignment or expansion with mismatched shapes"),
    rf"The expanded size of the tensor \({NUMBER}\) must match the existing size \({NUMBER}\) at non-singleton "
    rf"dimension (\d{{1,3}})\. Target sizes: \[{SIZES}\]\. Tensor sizes: \[{SIZES}\]",
)
def _expand(match: re.Match[str]) -> Decoded:
    wanted, present, dimension = int(match[1]), int(match[2]), int(match[3])
    return one_remedy(
        Message(
            "A {present_shape} tensor should fill {wanted_shape}: dimension {dimension} has {present} "
            "values for {wanted}. Only a dimension of size 1 can be repeated.",
            present_shape=shape_text(sizes(match[5])),
            wanted_shape=shape_text(sizes(match[4])),
            dimension=dimension,
            present=present,
            wanted=wanted,
        ),
        Message(
            "In an assignment such as x[:, 0] = y, both sides need the same shape. Unlike expand, "
            "repeat copies a dimension of any size."
        ),
        layer="x[...] = y / x.expand(...)",
    )
