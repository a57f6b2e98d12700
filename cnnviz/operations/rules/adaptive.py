"""Adaptive pooling: the output size is given, the windows follow."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import Op, Shape, product, shape_text
from cnnviz.operations.rules.explanation import Explanation

_MOST_WINDOWS = 8


def windows(size: int, count: int) -> tuple[tuple[int, int], ...]:
    """First and last value of each of ``count`` windows over ``size`` values.

    Window i reaches from floor(i size / count) up to, but not including, ceil((i + 1) size / count), as
    PyTorch's ``AdaptiveAvgPool2d`` computes it.
    """
    return tuple((i * size // count, -(-(i + 1) * size // count) - 1) for i in range(count))


def adaptive(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A pooling that was told its output size."""
    if op.kind != "pooling" or "output_size" not in op.arguments or "adaptive" not in op.type.lower():
        return None
    dimensions = len(op.output_shape) - 1
    received, wanted = op.input_shapes[0][1:], op.output_shape[1:]
    if len(received) != dimensions or min((*received, *wanted, 1)) < 1:
        return None
    lines = dict.fromkeys(_line(n, m) for n, m in zip(received, wanted, strict=True))
    told = Message("Its windows, from first to last pixel: {windows}.", windows="; ".join(lines))
    notes = () if product(wanted) == 1 else (told,)
    return Explanation(
        "⌊i n/m⌋ ... ⌈(i + 1) n/m⌉ - 1",
        f"{shape_text(received)} -> {shape_text(wanted)}",
        _sentence(op, received, wanted),
        notes,
        (Message("The input may have any size: what follows need not change."),),
    )


def _line(size: int, count: int) -> str:
    found = windows(size, count)
    shown = [f"{first}-{last}" if last > first else f"{first}" for first, last in found[:_MOST_WINDOWS]]
    return ", ".join(shown) + (", ..." if len(found) > _MOST_WINDOWS else "")


def _sentence(op: Op, received: Shape, wanted: Shape) -> Message:
    values = {
        "name": op.title,
        "input": shape_text(received),
        "output": shape_text(wanted),
        "channels": op.output_shape[0],
        "count": product(received),
    }
    if product(wanted) == 1:
        if "avg" in op.type.lower():
            return Message(
                "{name} takes the mean of all {input} = {count} values of a map: one value is left of each of the "
                "{channels} channels.",
                **values,
            )
        return Message(
            "{name} keeps the largest of all {input} = {count} values of a map: one value is left of each of "
            "the {channels} channels.",
            **values,
        )
    return Message(
        "{name} lays its windows so that {output} values come out of {input}; the number of channels stays {channels}.",
        **values,
    )
