"""Ops that arrange values anew or sum dimensions up: flatten, view, permute, mean, split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.batch_layout import FRONT
from cnnviz.operations.op import Op, Shape, product, shape_text
from cnnviz.operations.rules.explanation import Explanation
from cnnviz.tracing.batch_axis import swapped

_REDUCING = frozenset(
    "mean sum nanmean nansum amax amin max min prod std var median argmax argmin logsumexp norm".split()
)
_SPLITTING = frozenset("chunk split getitem unbind narrow select".split())


def reduced(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions of which one value is left: ``x.mean((2, 3))``."""
    received = op.input_shapes[0]
    dims = op.arguments.get("dim")
    if op.type not in _REDUCING:
        return None
    if dims is None:
        return _all_of_it(op)
    listed = [dims] if isinstance(dims, int) else list(cast(Sequence[int], dims))
    if not all(isinstance(dim, int) and -len(received) <= dim <= len(received) and dim for dim in listed):
        return None
    axes = {(dim if dim > 0 else len(received) + 1 + dim) - 1 for dim in listed}
    kept = bool(op.arguments.get("keepdim"))
    left = tuple(1 if i in axes else n for i, n in enumerate(received) if kept or i not in axes)
    if left != op.output_shape or -1 in axes:
        return None
    gone = tuple(received[axis] for axis in sorted(axes))
    count = f"{shape_text(gone)} = {product(gone)}" if len(gone) > 1 else shape_text(gone)
    values = {"name": op.title, "count": count, "output": shape_text(op.output_shape)}
    if op.type == "mean":
        sentence = Message("{name} takes the mean of {count} values each: {output} is left.", **values)
    elif op.type == "argmax":
        sentence = Message("{name} tells which of {count} values is the largest: {output} is left.", **values)
    elif op.type == "argmin":
        sentence = Message(
            "{name} tells which of {count} values is the smallest: {output} is left.", **values
        )
    else:
        sentence = Message("{name} makes one value of {count} values each: {output} is left.", **values)
    rule = "C x H x W -> C x 1 x 1" if kept else "C x H x W -> C"
    if (len(received), axes) != (3, {1, 2}):
        rule = "n1 x n2 -> n1 x 1" if kept else "n1 x n2 -> n1"
    return Explanation(rule, f"{shape_text(received)} -> {shape_text(op.output_shape)}", sentence)


def _all_of_it(op: Op) -> Explanation | None:
    """A sum over all dimensions: the batch, too."""
    if op.output_shape or len(op.inputs) > 1:
        return None
    received = shape_text(op.input_shapes[0])
    sentence = Message(
        "{name} makes one value of all there are, {input} of each image, and of all images of the batch together.",
        name=op.title,
        input=received,
    )
    return Explanation("n1 x n2 -> 1", f"{received} -> 1", sentence)


def split(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A part of what arrives; of several parts the shape is the first one's."""
    if op.type not in _SPLITTING:
        return None
    received = shape_text(op.input_shapes[0])
    sentence = Message(
        "{name} takes a part out of {input}: {output}.",
        name=op.title,
        input=received,
        output=shape_text(op.output_shape),
    )
    return Explanation("m ≤ n", f"{received} -> {shape_text(op.output_shape)}", sentence)


def reordered(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions in another order: permute, transpose and their like."""
    received = op.input_shapes[0]
    if op.type not in ("permute", "transpose", "swapaxes", "movedim", "T", "mT", "H", "mH"):
        return None
    if sorted(received) != sorted(op.output_shape):
        return None
    letters = tuple(f"n{number}" for number in range(1, len(received) + 1))
    sentence = Message(
        "{name} puts the dimensions into another order; no value changes: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    order = _order(op, received)
    rule = (
        "m = n"
        if order is None
        else f"{' x '.join(letters)} -> {' x '.join(letters[axis] for axis in order)}"
    )
    return Explanation(rule, f"{shape_text(received)} -> {shape_text(op.output_shape)}", sentence)


def _order(op: Op, received: Shape) -> list[int] | None:
    """The new order of the dimensions without the batch, where the arguments tell it."""
    before = op.input_layouts[0] if op.input_layouts else FRONT
    count = len(before.full(received))
    dims = op.arguments.get("dims")
    if op.type == "permute" and isinstance(dims, tuple) and all(isinstance(dim, int) for dim in dims):
        order = [dim % count for dim in dims]
    elif op.type in ("transpose", "swapaxes"):
        pair = (op.arguments.get("dim0"), op.arguments.get("dim1"))
        if not all(isinstance(dim, int) and -count <= dim < count for dim in pair):
            return None
        order = swapped(cast(int, pair[0]), cast(int, pair[1]), count)
    else:
        return None
    axes = [before.axis(dim, count) for dim in order]
    return [axis for axis in axes if axis is not None]


def rearranged(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """The same values in another shape: flatten, view, reshape, squeeze."""
    received = op.input_shapes[0]
    if op.kind != "reshape" or product(received) != product(op.output_shape):
        return None
    sentence = Message(
        "{name} arranges the {count} values of {input} anew, none is lost: {output}.",
        name=op.title,
        count=f"{product(received):,}",
        input=shape_text(received),
        output=shape_text(op.output_shape),
    )
    if len(op.output_shape) == 1 and len(received) > 1:
        rule = " x ".join(("C", "H", "W")[: len(received)]) if len(received) <= 3 else "n1 x n2 x ..."
        return Explanation(
            rule, f"{shape_text(received)} = {product(received)}", sentence, background=_left_over(op)
        )
    return Explanation(
        "n1 x n2 = m1 x m2",
        f"{shape_text(received)} -> {shape_text(op.output_shape)}",
        sentence,
        background=_left_over(op),
    )


def _left_over(op: Op) -> tuple[Message, ...]:
    wanted = op.arguments.get("shape")
    if not isinstance(wanted, tuple) or -1 not in [size for size in wanted if isinstance(size, int)]:
        return ()
    return (Message("-1 in a view stands for whatever size is left over."),)
