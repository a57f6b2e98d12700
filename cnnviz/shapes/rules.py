"""Why an output has the shape it has: for each op the rule, the rule with numbers, and a sentence.

Sizes of convolutions and poolings follow the formulas of PyTorch's documentation (``Conv2d``,
``MaxPool2d``); Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning",
derives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from cnnviz.language import Message
from cnnviz.shapes.op import MODEL_INPUT, Op, Shape, product, shape_text


@dataclass(frozen=True)
class Explanation:
    """A rule in letters, the same rule with numbers, and a sentence that says what it means."""

    rule: str
    substituted: str
    sentence: Message


_ELEMENTWISE = frozenset("add sub mul div maximum minimum".split())


def explain(op: Op, ops: Sequence[Op]) -> Explanation:
    """Explain the output shape of ``op``, one of ``ops``, from its arguments and input shapes."""
    arguments = op.arguments
    if not op.input_shapes:
        return _plain(op)
    if "output_size" in arguments:
        return _adaptive(op)
    if isinstance(arguments.get("kernel_size"), tuple) and "transpose" not in op.type.lower():
        return _window(op)
    if op.type in ("cat", "concat", "concatenate") and len(op.inputs) > 1:
        return _concatenation(op, ops)
    if op.type in _ELEMENTWISE and len(op.inputs) > 1:
        return _elementwise(op, ops) if len(set(op.input_shapes)) == 1 else _broadcast(op, ops)
    if "in_features" in arguments:
        return _linear(op)
    if op.kind == "reshape" and product(op.input_shapes[0]) == product(op.output_shape):
        return _reshape(op)
    if op.input_shapes[0] == op.output_shape:
        return _unchanged(op)
    return _plain(op)


def window_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> tuple[int, str]:
    """How many windows fit along one side, and the formula with the numbers in.

    ``(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1``, rounded down, or up with
    ``ceil_mode``, where a window that would start beyond the input and its left padding is dropped.
    """
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    count = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    numerator = f"{size}" + (f" + 2*{padding}" if padding else "")
    numerator += f" - {kernel}" if dilation == 1 else f" - {dilation}*({kernel} - 1) - 1"
    fraction = f"({numerator})/{stride}"
    if room % stride:
        fraction = f"⌈{fraction}⌉" if ceil_mode else f"⌊{fraction}⌋"
    return count, f"{fraction} + 1 = {count}"


def _window(op: Op) -> Explanation:
    arguments = op.arguments
    kernel = cast(Shape, arguments["kernel_size"])
    dilation = cast(Shape, arguments["dilation"])
    stride = cast(Shape, arguments["stride"])
    sizes = op.input_shapes[0][-len(kernel) :]
    if isinstance(arguments["padding"], str):
        return _named_padding(op, str(arguments["padding"]), kernel, stride)
    padding = cast(Shape, arguments["padding"])
    ceil_mode = bool(arguments.get("ceil_mode", False))
    lines = dict.fromkeys(  # height and width usually agree: then one line says it
        window_size(*side, ceil_mode)[1]
        for side in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )
    span = "k" if set(dilation) == {1} else "d(k - 1) - 1"
    padded = " + 2p" if any(padding) else ""
    fraction = f"(n{padded} - {span})/s"
    if any("⌊" in line or "⌈" in line for line in lines):
        fraction = f"⌈{fraction}⌉" if ceil_mode else f"⌊{fraction}⌋"
    return Explanation(f"{fraction} + 1", ", ".join(lines), _window_sentence(op, kernel))


def _window_sentence(op: Op, kernel: Shape) -> Message:
    channels = op.arguments.get("out_channels")
    if channels is None:
        return Message(
            "{name} keeps one value of each {kernel} window; the {channels} channels stay: {output}.",
            name=op.name,
            kernel=shape_text(kernel),
            channels=op.output_shape[0],
            output=shape_text(op.output_shape),
        )
    return Message(
        "{name} gives one value for each place where its {kernel} kernel fits; {channels} kernels give "
        "{channels} channels: {output}.",
        name=op.name,
        kernel=shape_text(kernel),
        channels=channels,
        output=shape_text(op.output_shape),
    )


def _named_padding(op: Op, padding: str, kernel: Shape, stride: Shape) -> Explanation:
    sizes = shape_text(op.input_shapes[0][-len(kernel) :])
    output = shape_text(op.output_shape[-len(kernel) :])
    rule = "n" if padding == "same" else "(n - d(k - 1) - 1)/s + 1"
    return Explanation(f"padding={padding!r}: {rule}", f"{sizes} -> {output}", _window_sentence(op, kernel))


def _adaptive(op: Op) -> Explanation:
    sentence = Message(
        "{name} chooses its windows so that the output has the size it was told: {output}, for any input size.",
        name=op.name,
        output=shape_text(op.output_shape),
    )
    wanted = shape_text(op.output_shape[1:])
    return Explanation("output_size", f"{shape_text(op.input_shapes[0])} -> {wanted}", sentence)


def _concatenation(op: Op, ops: Sequence[Op]) -> Explanation:
    axis = cast(int, op.arguments["dim"]) - 1
    sizes = [shape[axis] for shape in op.input_shapes]
    parts = ", ".join(f"{_name(i, ops)} ({size})" for i, size in zip(op.inputs, sizes, strict=True))
    sentence = Message(
        "{name} puts its inputs one behind the other: {parts}. Their channels add up, height and width must "
        "agree: {output}.",
        name=op.name,
        parts=parts,
        output=shape_text(op.output_shape),
    )
    substituted = " + ".join(str(size) for size in sizes) + f" = {sum(sizes)}"
    return Explanation("C1 + C2 + ...", substituted, sentence)


def _elementwise(op: Op, ops: Sequence[Op]) -> Explanation:
    sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}.get(op.type, ",")
    substituted = f" {sign} ".join(f"({shape_text(shape)})" for shape in op.input_shapes)
    sentence = Message(
        "{name} combines {inputs} value by value, so both must have the same shape; it stays {output}.",
        name=op.name,
        inputs=", ".join(_name(i, ops) for i in op.inputs),
        output=shape_text(op.output_shape),
    )
    return Explanation("(C x H x W)" + f" {sign} (C x H x W)", substituted, sentence)


def _broadcast(op: Op, ops: Sequence[Op]) -> Explanation:
    shapes = ", ".join(shape_text(shape) for shape in op.input_shapes)
    sentence = Message(
        "{name} combines {inputs} value by value; where one of them has size 1, its value is repeated: {output}.",
        name=op.name,
        inputs=", ".join(_name(i, ops) for i in op.inputs),
        output=shape_text(op.output_shape),
    )
    return Explanation("max(m, n)", f"{shapes} -> {shape_text(op.output_shape)}", sentence)


def _linear(op: Op) -> Explanation:
    in_features, out_features = op.arguments["in_features"], op.arguments["out_features"]
    sentence = Message(
        "{name} is Linear({in_features}, {out_features}): its in_features is the {in_features} values that "
        "arrive, and it gives {out_features}.",
        name=op.name,
        in_features=in_features,
        out_features=out_features,
    )
    return Explanation(
        "Linear(in_features, out_features)", f"Linear({in_features}, {out_features})", sentence
    )


def _reshape(op: Op) -> Explanation:
    received = op.input_shapes[0]
    sentence = Message(
        "{name} arranges the {count} values of {input} anew, none is lost: {output}.",
        name=op.name,
        count=product(received),
        input=shape_text(received),
        output=shape_text(op.output_shape),
    )
    if len(op.output_shape) == 1 and len(received) > 1:
        rule = " x ".join(("C", "H", "W")[: len(received)]) if len(received) <= 3 else "n1 x n2 x ..."
        return Explanation(rule, f"{shape_text(received)} = {product(received)}", sentence)
    return Explanation(
        "n1 x n2 = m1 x m2", f"{shape_text(received)} -> {shape_text(op.output_shape)}", sentence
    )


def _unchanged(op: Op) -> Explanation:
    output = shape_text(op.output_shape)
    if op.kind == "normalisation":
        sentence = Message(
            "{name} shifts and scales values and keeps their number: {output}.", name=op.name, output=output
        )
    elif op.kind == "dropout":
        sentence = Message(
            "{name} sets some values to zero in training and keeps their number: {output}.",
            name=op.name,
            output=output,
        )
    else:
        sentence = Message(
            "{name} works on each value by itself: the shape stays {output}.", name=op.name, output=output
        )
    return Explanation("m = n", output, sentence)


def _plain(op: Op) -> Explanation:
    received = ", ".join(shape_text(shape) for shape in op.input_shapes) or "-"
    sentence = Message(
        "{name} ({type}) turns {input} into {output}.",
        name=op.name,
        type=op.type,
        input=received,
        output=shape_text(op.output_shape),
    )
    return Explanation("-", f"{received} -> {shape_text(op.output_shape)}", sentence)


def _name(index: int, ops: Sequence[Op]) -> str:
    return "x" if index == MODEL_INPUT else ops[index].name
