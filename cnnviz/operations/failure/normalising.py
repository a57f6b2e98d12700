"""What goes wrong in normalisations: another number of channels, or nothing to take statistics over."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.failure.origin import channels_origin, origins
from cnnviz.operations.op import FailedCall, Failure, Op, called, product, shape_text


def normalised(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A normalisation (or a PReLU) that was built for other channels than arrive, or sees one value only."""
    shape = call.arguments.get("normalized_shape")
    if isinstance(shape, (tuple, list)):
        return _last_dimensions(call, ops, tuple(shape))
    family = call.type.lower().replace("_", "")
    if "norm" in family or family == "prelu":
        return _channels(call, ops) or _groups(call) or _one_value(call)
    return None


def channels_argument(call: FailedCall) -> str | None:
    """The argument that holds the number of channels."""
    names = ("num_features", "num_channels", "num_parameters")
    return next((name for name in names if isinstance(call.arguments.get(name), int)), None)


def _channels(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    argument, received = channels_argument(call), call.input_shapes[0][0]
    if "instance" in call.type.lower() and not (
        call.arguments.get("affine") or call.arguments.get("track_running_stats")
    ):
        return None  # without weights and statistics it takes any number of channels
    if argument is None or call.arguments[argument] in (
        received,
        1 if argument == "num_parameters" else None,
    ):
        return None
    expected = int(str(call.arguments[argument]))
    reason = Message(
        "{name} ({type}) is made for {channels}, but its input {shape} has {received}.",
        name=called(call.name, call.type),
        type=call.type,
        channels=numbers.channels(expected),
        shape=shape_text(call.input_shapes[0]),
        received=numbers.number(received),
    )
    advice = Message("Set {argument} to {received}.", argument=argument, received=received)
    cause = channels_origin(ops, call.inputs[0], received)
    return Failure(call.name, call.type, reason, expected, received, cause=cause, advice=advice)


def _groups(call: FailedCall) -> Failure | None:
    groups, channels = call.arguments.get("num_groups"), call.input_shapes[0][0]
    if not isinstance(groups, int) or channels % groups == 0:
        return None
    reason = Message(
        "{name} ({type}) deals {dealt} out into {groups} groups, but {channels}/{groups} is no whole number.",
        name=called(call.name, call.type),
        type=call.type,
        dealt=numbers.channels(channels),
        channels=channels,
        groups=groups,
    )
    advice = Message("Choose a number of groups that divides the channels.")
    return Failure(call.name, call.type, reason, groups, channels, advice=advice)


def _one_value(call: FailedCall) -> Failure | None:
    sizes = call.input_shapes[0][1:]
    if "instance" not in call.type.lower() or product(sizes) > 1:
        return None
    reason = Message(
        "{name} ({type}) takes mean and variance over each map, but a map of {sizes} is a single value.",
        name=called(call.name, call.type),
        type=call.type,
        sizes=shape_text(sizes),
    )
    advice = Message("Use a larger input, or leave the normalisation out where maps are that small.")
    return Failure(call.name, call.type, reason, None, call.input_shapes[0], advice=advice)


def _last_dimensions(call: FailedCall, ops: Sequence[Op], expected: tuple[int, ...]) -> Failure | None:
    shape = call.input_shapes[0]
    received = shape[-len(expected) :]
    if received == expected:
        return None
    reason = Message(
        "{name} ({type}) normalises {expected}, but the last dimensions of its input {shape} are {received}.",
        name=called(call.name, call.type),
        type=call.type,
        expected=shape_text(expected),
        shape=shape_text(shape),
        received=shape_text(received),
    )
    advice = Message(
        "Set {argument} to {received}.", argument="normalized_shape", received=str(list(received))
    )
    return Failure(
        call.name,
        call.type,
        reason,
        expected,
        received,
        cause=origins(ops, call.inputs[0], shape),
        advice=advice,
    )
