"""What goes wrong between maps and rows of features: a Linear of another size, a missing flatten, a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.failure.origin import origins
from cnnviz.operations.op import FailedCall, Failure, Op, Shape, called, product, shape_text


def maps_not_flattened(call: FailedCall, _ops: Sequence[Op]) -> Failure | None:
    """Maps arrive where a row of features is expected: more often a forgotten flatten than a wrong size."""
    received, expected = call.input_shapes[0], call.arguments.get("in_features")
    if not isinstance(expected, int) or len(received) != 3 or received[-1] == expected:
        return None
    count = product(received)
    values = {
        "shape": shape_text(received),
        "count": count,
        "features": numbers.features(count),
        "out_features": call.arguments["out_features"],
    }
    reason = Message(
        "{name} receives the maps {shape} as they are. flatten(1) is missing before it.",
        name=called(call.name, call.type),
        shape=shape_text(received),
    )
    if count == expected:
        advice = Message(
            "With it, {shape} = {features} arrive, as Linear({count}, {out_features}) expects.",
            **values,
        )
    else:
        advice = Message(
            "With it, {shape} = {features} arrive, and the layer has to be Linear({count}, {out_features}).",
            **values,
        )
    return Failure(call.name, call.type, reason, expected, received, advice=advice)


def features(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A Linear that was built for another number of features than arrive."""
    expected = call.arguments.get("in_features")
    if not isinstance(expected, int) or not call.input_shapes[0] or call.input_shapes[0][-1] == expected:
        return None
    received = call.input_shapes[0][-1]
    flattened = _flattened(call, ops)
    shape = call.input_shapes[0] if flattened is None else ops[flattened].input_shapes[0]
    arriving = numbers.features(received)
    values = {
        "name": called(call.name, call.type),
        "received": received,
        "expected": expected,
        "out_features": call.arguments["out_features"],
    }
    reason = Message(
        "{name} receives {features}, but Linear({expected}, {out_features}) expects {wanted}.",
        features=arriving
        if flattened is None
        else Message("{shape} = {features}", shape=shape_text(shape), features=arriving),
        wanted=numbers.number(expected),
        **values,
    )
    advice = Message("Fix: Linear({received}, {out_features}).", **values)
    before = call.inputs[0] if flattened is None else ops[flattened].inputs[0]
    cause = origins(ops, before, shape)
    return Failure(call.name, call.type, reason, expected, received, cause=cause, advice=advice)


def _flattened(call: FailedCall, ops: Sequence[Op]) -> int | None:
    """The op that made the failing layer's input of maps, if one did."""
    index = call.inputs[0] if call.inputs else -1
    while index >= 0:
        op = ops[index]
        received = op.input_shapes[0] if op.input_shapes else ()
        if op.kind == "reshape" and received and product(received) == product(op.output_shape):
            return index if len(received) > 1 else None
        if op.kind not in ("activation", "dropout") or not op.inputs:
            return None
        index = op.inputs[0]
    return None


def view(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Values that do not fill the shape that a view asks for."""
    wanted = call.arguments.get("shape")
    if not isinstance(wanted, tuple):
        return None
    received = call.input_shapes[0]
    reason = Message(
        "{name} cannot turn {shape} ({values} an image) into {wanted}: the sizes do not multiply to the "
        "same number.",
        name=called(call.name, call.type),
        shape=shape_text(received),
        values=numbers.values(product(received)),
        wanted=str(wanted),
    )
    return Failure(
        call.name,
        call.type,
        reason,
        cast(Shape, wanted),
        received,
        cause=origins(ops, call.inputs[0], received),
        advice=Message("flatten(1) fits any size."),
    )
