"""Edits that could mend a failure, the most natural one first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from math import gcd

from cnnviz.operations.failure.normalising import channels_argument
from cnnviz.operations.failure.origin import channels_from, layer_text
from cnnviz.operations.failure.windows import window_sizes
from cnnviz.operations.names import function_kind
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Fix, Op, Shape
from cnnviz.tracing.fixes.branches import for_branches, for_size


def candidates(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Edits worth trying for the call that ``failed`` after ``ops``; many a one may be impossible."""
    if not failed.input_shapes or not failed.input_shapes[0]:
        return
    # Arguments may be so odd that nothing can be worked out from them.
    with suppress(TypeError, ValueError, IndexError, KeyError, ZeroDivisionError):
        if len(failed.input_shapes) > 1 and function_kind(failed.type) == "merge":
            yield from for_branches(failed, ops)
        elif "in_features" in failed.arguments:
            yield from _features(failed, ops)
        elif "in_channels" in failed.arguments and failed.arguments["in_channels"] != _received(failed):
            yield from _channels(failed, ops)
        elif "kernel_size" in failed.arguments:
            yield from _window(failed)
            yield from _larger_input(failed, ops)
        else:
            yield from _normalisation(failed)


def fix(
    path: str | None, type_name: str, arguments: Mapping[str, object], argument: str, value: object
) -> Iterator[Fix]:
    """The edit that gives the layer at ``path`` another ``argument``; nothing for a function (no path)."""
    if path is not None:
        yield Fix(f"{path}.{argument}", sized(value), layer_text(type_name, {**arguments, argument: value}))


def sized(value: object) -> object:
    """A value as an edit takes it: one number where all sides agree, else a list."""
    if not isinstance(value, tuple):
        return value
    return value[0] if len(set(value)) == 1 else list(value)


def _received(failed: FailedCall) -> int:
    return failed.input_shapes[0][0]


def _features(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    received = failed.input_shapes[0]
    if len(received) < 3:  # of maps, a forgotten flatten is the more likely reason
        yield from fix(failed.path, failed.type, failed.arguments, "in_features", received[-1])
        yield from _of_origin(failed, ops, failed.arguments["in_features"])


def _of_origin(failed: FailedCall, ops: Sequence[Op], expected: object) -> Iterator[Fix]:
    """Let the layer that chose the channels (or features) choose those that are expected."""
    index = channels_from(ops, failed.inputs[0])
    if index != MODEL_INPUT:
        op = ops[index]
        for argument in ("out_channels", "out_features"):
            if argument in op.arguments:
                yield from fix(op.module, op.type, op.arguments, argument, expected)


def _channels(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    received, arguments = _received(failed), failed.arguments
    groups, expected, leaving = (int(str(arguments[n])) for n in ("groups", "in_channels", "out_channels"))
    yield from fix(failed.path, failed.type, arguments, "in_channels", received)
    if received % groups:
        common = gcd(received, expected, leaving)
        yield from fix(failed.path, failed.type, arguments, "groups", common)
    yield from _of_origin(failed, ops, expected)


def _window(failed: FailedCall) -> Iterator[Fix]:
    spans, room, sizes = window_sizes(failed)
    if not spans:
        return
    kernel, dilation = _sides(failed, "kernel_size", len(spans)), _sides(failed, "dilation", len(spans))
    given = _sides(failed, "padding", len(spans))
    fitting = tuple(min(k, (space - 1) // d + 1) for k, space, d in zip(kernel, room, dilation, strict=True))
    needed = tuple(max(p, -(-(span - n) // 2)) for p, span, n in zip(given, spans, sizes, strict=True))
    most = tuple(min(p, side // 2) for p, side in zip(given, kernel, strict=True))
    for argument, value, now in (
        ("kernel_size", fitting, kernel),
        ("padding", needed, given),
        ("padding", most, given),
    ):
        if value != now and min(value) >= (1 if argument == "kernel_size" else 0):
            yield from fix(failed.path, failed.type, failed.arguments, argument, value)


def _larger_input(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Let a layer on the way give maps that are just large enough for the window."""
    spans, room, sizes = window_sizes(failed)
    if spans and failed.inputs:
        wanted = tuple(max(n, n + span - space) for n, span, space in zip(sizes, spans, room, strict=True))
        if wanted != sizes:
            yield from for_size(failed.inputs, ops, wanted)


def _sides(failed: FailedCall, argument: str, count: int) -> Shape:
    value = failed.arguments.get(argument)
    return value if isinstance(value, tuple) else (1 if argument == "dilation" else 0,) * count


def _normalisation(failed: FailedCall) -> Iterator[Fix]:
    arguments, received = failed.arguments, failed.input_shapes[0]
    argument, groups = channels_argument(failed), arguments.get("num_groups")
    if argument is not None:
        yield from fix(failed.path, failed.type, arguments, argument, received[0])
        if isinstance(groups, int):
            common = gcd(received[0], int(str(arguments[argument])))
            yield from fix(
                failed.path,
                failed.type,
                arguments,
                "num_groups",
                max(d for d in range(1, groups + 1) if common % d == 0),
            )
    shape = arguments.get("normalized_shape")
    if isinstance(shape, (tuple, list)):
        yield from fix(failed.path, failed.type, arguments, "normalized_shape", list(received[-len(shape) :]))
