"""What goes wrong where branches meet: sizes that differ."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.failure.origin import channels_origin, size_origin
from cnnviz.operations.names import function_kind
from cnnviz.operations.op import JOINING, MODEL_INPUT, FailedCall, Failure, Op, Shape, called, shape_text


def unlike(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Branches that meet with shapes that do not fit together."""
    shapes = call.input_shapes
    pair = unlike_pair(call)
    if pair is None or function_kind(call.type) != "merge":
        return None
    inputs = ", ".join(
        f"{ops[index].title if index != MODEL_INPUT else 'x'} {shape_text(shape)}"
        for index, shape in zip(call.inputs, shapes, strict=True)
    )
    if call.type in JOINING:
        reason = Message(
            "{name} joins inputs whose sizes differ ({inputs}): only the dimension that is joined may differ.",
            name=called(call.name, call.type),
            inputs=inputs,
        )
        advice = Message("Give the branches the same stride, and each kernel its padding.")
    else:
        reason = Message(
            "{name} combines inputs of unlike shapes ({inputs}), value by value: both must match.",
            name=called(call.name, call.type),
            inputs=inputs,
        )
        advice = Message(
            "Let the branch keep the shape (padding, stride 1), or bring the shortcut to it with a 1x1 convolution."
        )
    first, other = (shapes[number] for number in pair)
    return Failure(call.name, call.type, reason, first, other, cause=_cause(call, ops, pair), advice=advice)


def unlike_pair(call: FailedCall) -> tuple[int, int] | None:
    """The first two inputs whose shapes do not fit together, by their places among the inputs."""
    shapes = call.input_shapes
    for number, shape in enumerate(shapes[1:], 1):
        if differing(call, shapes[0], shape):
            return 0, number
    return None


def differing(call: FailedCall, one: Shape, other: Shape) -> tuple[int, ...]:
    """The axes (0 is the channels) in which two inputs may not differ, and do; -1 for a dimension too many."""
    if len(one) != len(other):
        return (-1,)
    dim = call.arguments.get("dim", 0)
    joined = dim - 1 if call.type in JOINING and isinstance(dim, int) else None
    repeats = call.type not in JOINING  # where one side has size 1, its value is repeated
    return tuple(
        axis
        for axis, (a, b) in enumerate(zip(one, other, strict=True))
        if a != b and axis != joined and not (repeats and 1 in (a, b))
    )


def _cause(call: FailedCall, ops: Sequence[Op], pair: tuple[int, int]) -> Message | None:
    shapes = [call.input_shapes[number] for number in pair]
    axes = differing(call, *shapes)
    if axes == (-1,):
        return None
    told = [
        channels_origin(ops, call.inputs[number], shape[0])
        if axes[0] == 0
        else size_origin(ops, call.inputs[number], shape[1:])
        for number, shape in zip(pair, shapes, strict=True)
    ]
    return Message("{first} {second}", first=told[0], second=told[1])
