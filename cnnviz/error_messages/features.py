"""Rows that do not fit a Linear, and values that do not fit a shape."""

from __future__ import annotations

import math
import re

from cnnviz import numbers
from cnnviz.error_messages.entry import (
    NUMBER,
    SIZES,
    Decoded,
    Entries,
    Reason,
    WrongLinear,
    one_remedy,
    sizes,
)
from cnnviz.language import Message
from cnnviz.operations.op import Shape, product, shape_text
from cnnviz.operations.refusals import other_features

ENTRIES = Entries()
entry = ENTRIES.add


_MOST_MAPS = 3


def common_maps(received: int, expected: int) -> tuple[tuple[Shape, Shape], ...]:
    """Ways to read both numbers as square maps of the same number of channels, most channels first.

    2200 and 1408 are 88 x 5 x 5 and 88 x 4 x 4.
    """
    found = []
    for channels in sorted(_divisors(math.gcd(received, expected)), reverse=True):
        sides = math.isqrt(received // channels), math.isqrt(expected // channels)
        exact = (channels * sides[0] ** 2, channels * sides[1] ** 2) == (received, expected)
        if exact and channels > 1 and max(sides) > 1:
            found.append(((channels, sides[0], sides[0]), (channels, sides[1], sides[1])))
    return tuple(found[:_MOST_MAPS])


def square_maps(values: int) -> tuple[Shape, ...]:
    """Ways to read ``values`` as square maps, most channels first: 320 is 80 x 2 x 2 or 20 x 4 x 4."""
    sides = (side for side in range(2, math.isqrt(values) + 1) if values % side**2 == 0)
    return tuple((values // side**2, side, side) for side in sides)[:_MOST_MAPS]


def _divisors(number: int) -> set[int]:
    small = [divisor for divisor in range(1, math.isqrt(number) + 1) if number % divisor == 0]
    return {*small, *(number // divisor for divisor in small)}


@entry(
    Message("Linear gets the wrong number of features"),
    rf"mat1 and mat2 shapes cannot be multiplied \( {NUMBER} x {NUMBER} and {NUMBER} x {NUMBER} \)",
    rf"same reduction dim, but got \[{NUMBER}, {NUMBER}\] X \[{NUMBER}, {NUMBER}\]",
    rf"size mismatch, m1: \[{NUMBER} x {NUMBER}\], m2: \[{NUMBER} x {NUMBER}\]",
)
def _linear(match: re.Match[str]) -> Decoded:
    rows, received, expected, out_features = map(int, match.groups())
    maps = common_maps(received, expected)
    reasons = [*_flattening(rows, received, expected), *_size(received, expected, out_features, maps)]
    if received == out_features:
        reasons.append(
            Reason(
                Message("Or the weight is transposed: F.linear(x, weight) already multiplies by weight.T.")
            )
        )
    features = Message(
        "rows of {features} (shape {rows} x {received})",
        features=numbers.features(received),
        rows=rows,
        received=received,
    )
    return Decoded(
        meaning=other_features(Message("The layer"), features, received, expected, out_features).reason,
        reasons=tuple(reasons),
        layer=f"nn.Linear({expected}, {out_features})",
        linear=WrongLinear(received, expected, out_features),
        maps=maps,
    )


def other_product(linear: WrongLinear) -> Decoded:
    """The same numbers where they are known to be those of a product of two matrices, not of a Linear."""
    return one_remedy(
        Message(
            "The first matrix has {received} columns, but the second, {expected} x {out_features}, has {expected} rows.",
            received=linear.received,
            expected=linear.in_features,
            out_features=linear.out_features,
        ),
        Message(
            "Row times column: the last size of the first tensor must equal the second-to-last size of the second. Is a "
            "transpose missing?"
        ),
        "x @ y.transpose(-2, -1)",
        "torch.matmul",
    )


_WITHOUT_FLATTEN = Message("Or the batch contains one image, and the flatten before the layer is missing.")


def _flattening(rows: int, received: int, expected: int) -> list[Reason]:
    """A flatten that is missing, or that flattened the batch too."""
    if rows == 1 and expected and received > expected and received % expected == 0:
        text = Message(
            "{received} = {images} x {expected}: flatten() with no argument puts all images of the "
            "batch in one row. flatten(1) starts at dimension 1 and keeps the images apart.",
            images=received // expected,
            received=received,
            expected=expected,
        )
        return [Reason(text, "x = x.flatten(1)")]
    lines = expected // received if received and expected % received == 0 else 0
    if lines > 1 and rows == lines:
        text = Message(
            "{lines} x {received} = {values}: a single image was passed without a batch dimension, so flatten(1) kept "
            "its {lines} channels apart. Add the batch dimension.",
            lines=lines,
            received=received,
            values=numbers.values(expected),
        )
        return [Reason(text, "x = x.unsqueeze(0)"), Reason(_WITHOUT_FLATTEN, "x = x.flatten(1)")]
    if lines > 1 and rows % lines == 0:
        text = Message(
            "Without a flatten, the layer gets the maps row by row, here rows of {received}. flatten(1) "
            "makes one row per image ({images} here): {lines} x {received} = {values}.",
            received=received,
            images=rows // lines,
            lines=lines,
            values=numbers.values(expected),
        )
        return [Reason(text, "x = x.flatten(1)")]
    return []


def _size(
    received: int, expected: int, out_features: int, maps: tuple[tuple[Shape, Shape], ...]
) -> list[Reason]:
    """Maps of another size than the layer was made for."""
    if maps:
        arrived, made_for = (shape_text(shape) for shape in maps[0])
        text = Message(
            "{received} = {arrived}, but {expected} = {made_for}: the maps before this layer do not "
            "have the size it was made for. Either the images have another size, or a kernel, stride, "
            "padding or pooling before it was changed. Set the layer's in_features to the number it "
            "gets, or undo the change.",
            received=received,
            arrived=arrived,
            expected=expected,
            made_for=made_for,
        )
    else:
        text = Message(
            "The layer gets a different number of features than it was made for: the channels or the "
            "size of the maps before it have changed. Set in_features to the number it gets."
        )
    return [Reason(text, f"nn.Linear({received}, {out_features})")]


ENTRIES.tell(
    Message("Linear gets the wrong number of features"),
    r"mat1 dim 1 must match mat2 dim 0",
    r"matrices expected, got (?:[3-9]D), 2D tensors",
    means=Message(
        "A Linear gets rows with another number of features than its in_features (the words of PyTorch 1 do not say which)."
    ),
    fixes=(
        Reason(
            Message("Print the shape before the layer: its last size must equal in_features."),
            "print(x.shape)",
        ),
        Reason(
            Message("Is there a flatten between the last convolution and the first Linear?"),
            "x = x.flatten(1)",
        ),
    ),
    layer="nn.Linear",
)


@entry(
    Message("Matrix product with mismatched sizes"),
    r"Expected size for first two dimensions of batch2 tensor to be: "
    r"\[(\d{1,9}, \d{1,9})\] but got: \[(\d{1,9}, \d{1,9})\]",
)
def _batched_product(match: re.Match[str]) -> Decoded:
    (batch, inner), (other_batch, other_inner) = sizes(match[1]), sizes(match[2])
    return one_remedy(
        Message(
            "Batched matrix product: the second tensor must have {batch} matrices with {inner} rows; it "
            "has {other_batch} with {other_inner}.",
            batch=batch,
            inner=inner,
            other_batch=other_batch,
            other_inner=other_inner,
        ),
        Message(
            "Row times column: the last size of the first tensor must equal the second-to-last size of "
            "the second. In attention, transpose the keys before multiplying queries by them."
        ),
        "scores = q @ k.transpose(-2, -1)",
        "torch.bmm",
    )


@entry(
    Message("view with the wrong number of values"),
    rf"shape '\[{SIZES}\]' is invalid for input of size {NUMBER}",
    rf"size '\[{SIZES}\]' is invalid for input (?:of|with) {NUMBER} elements",
)
def _view(match: re.Match[str]) -> Decoded:
    wanted, count = sizes(match[1]), int(match[2])
    known = product(tuple(size for size in wanted if size > 0))
    shape = str(list(wanted))
    if -1 in wanted:
        meaning = Message(
            "The number of values to be reshaped to {shape}, {count}, is not a multiple of {known}.",
            count=numbers.number(count),
            shape=shape,
            known=numbers.number(known),
        )
    else:
        meaning = Message(
            "{shape} holds {values}, but there are {count}.",
            shape=shape,
            values=numbers.values(known),
            count=numbers.number(count),
        )
    return Decoded(
        meaning, (*_other_batch(wanted, known, count), _flat(wanted, count)), f"x.view({shape[1:-1]})"
    )


def _other_batch(wanted: Shape, known: int, count: int) -> tuple[Reason, ...]:
    """The number of images stands in the code, and the last batch of an epoch has fewer."""
    rest = known // wanted[0] if wanted and wanted[0] > 1 else 0
    if -1 in wanted or not rest or count % rest:
        return ()
    text = Message(
        "This batch has {images}, not {batch}: the last batch of an epoch is smaller. Read the batch "
        "size from the tensor.",
        images=numbers.images(count // rest),
        batch=wanted[0],
    )
    return (Reason(text, f"x = x.view(x.size(0), {', '.join(map(str, wanted[1:]))})"),)


def _flat(wanted: Shape, count: int) -> Reason:
    images = wanted[0] if wanted and wanted[0] > 0 and count % wanted[0] == 0 else 0
    if not images:
        return Reason(
            Message(
                "flatten(1) turns each image into one row, whatever its size, and keeps the images apart."
            ),
            "x = x.flatten(1)",
        )
    values = count // images
    maps = square_maps(values)
    counted = numbers.values(values)
    arrived = Message("{values} = {maps}", values=counted, maps=shape_text(maps[0])) if maps else counted
    text = Message(
        "With {images}, that is {arrived} per image: the maps do not have the size that the number in "
        "the code was written for. flatten(1) works for any size; the Linear after it needs {features}.",
        images=numbers.images(images),
        arrived=arrived,
        features=numbers.features(values),
    )
    return Reason(text, "x = x.flatten(1)")


@entry(
    Message("view of a tensor that is not contiguous"),
    r"view size is not compatible with input tensor's size and stride",
)
def _strides(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "view only reinterprets the values in the order in which they lie in memory, and these lie "
            "in a different order: after a transpose or permute, or in channels_last."
        ),
        reasons=(
            Reason(Message("reshape and flatten copy the values when necessary."), "x = x.flatten(1)"),
            Reason(Message("Or call contiguous() first."), "x = x.contiguous().view(x.size(0), -1)"),
        ),
        layer="x.view(...)",
    )
