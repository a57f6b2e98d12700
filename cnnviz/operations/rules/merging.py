"""Ops with several inputs: concatenation, addition and the like."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import JOINING, Op, shape_text
from cnnviz.operations.rules.explanation import Explanation, source_name

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_VALUE_BY_VALUE = frozenset([*_SIGNS, "maximum", "minimum"])


def concatenation(op: Op, ops: Sequence[Op]) -> Explanation | None:
    """Inputs one behind the other along one dimension."""
    dim = op.arguments.get("dim")
    if op.type not in JOINING or len(op.inputs) < 2 or not isinstance(dim, int):
        return None
    axis = dim - 1
    if axis < 0 or any(len(shape) != len(op.output_shape) for shape in op.input_shapes):
        return None
    sizes = [shape[axis] for shape in op.input_shapes]
    if sum(sizes) != op.output_shape[axis]:  # a constant is among the inputs
        return None
    values = {
        "name": op.title,
        "parts": ", ".join(
            f"{source_name(i, ops)} ({size})" for i, size in zip(op.inputs, sizes, strict=True)
        ),
        "output": shape_text(op.output_shape),
    }
    if axis == 0 and len(op.output_shape) == 3:
        sentence = Message(
            "{name} puts its inputs one behind the other: {parts}. Their channels add up, height and width must "
            "agree: {output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} puts its inputs one behind the other: {parts}. Their sizes add up, all others must agree: "
            "{output}.",
            **values,
        )
    substituted = " + ".join(str(size) for size in sizes) + f" = {sum(sizes)}"
    return Explanation("C1 + C2 + ..." if axis == 0 else "n1 + n2 + ...", substituted, sentence)


def stacked(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Inputs of one shape along a new dimension."""
    if op.type != "stack" or len(op.output_shape) != len(op.input_shapes[0]) + 1:
        return None
    sentence = Message(
        "{name} lays its {count} inputs along a new dimension, so all must have the same shape: {output}.",
        name=op.title,
        count=len(op.inputs),
        output=shape_text(op.output_shape),
    )
    substituted = f"{len(op.inputs)} x ({shape_text(op.input_shapes[0])})"
    return Explanation("N x (C x H x W)", substituted, sentence)


def elementwise(op: Op, ops: Sequence[Op]) -> Explanation | None:
    """Two inputs combined value by value."""
    if op.type not in _VALUE_BY_VALUE or len(op.inputs) < 2:
        return None
    values = {
        "name": op.title,
        "inputs": ", ".join(source_name(i, ops) for i in op.inputs),
        "output": shape_text(op.output_shape),
    }
    if len(set(op.input_shapes)) > 1:
        shapes = ", ".join(shape_text(shape) for shape in op.input_shapes)
        sentence = Message(
            "{name} combines {inputs} value by value; where one of them has size 1, its value is repeated: {output}.",
            **values,
        )
        return Explanation("max(m, n)", f"{shapes} -> {shape_text(op.output_shape)}", sentence)
    sign = _SIGNS.get(op.type, ",")
    substituted = f" {sign} ".join(f"({shape_text(shape)})" for shape in op.input_shapes)
    sentence = Message(
        "{name} combines {inputs} value by value, so both must have the same shape; it stays {output}.",
        **values,
    )
    return Explanation(f"(C x H x W) {sign} (C x H x W)", substituted, sentence)
