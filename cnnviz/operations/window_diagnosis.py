"""Windows that PyTorch refuses: a wrong number of dimensions, other channels, a window larger than its input.

Each diagnosis says which number is at fault; the mends are edits of one argument, or of the class of a layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import gcd

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations import refusals
from cnnviz.operations.arrangement import arranged_by, channels_elsewhere, joined_elsewhere, lost_batch
from cnnviz.operations.diagnosis import channels_origin, layer_text, size_origin
from cnnviz.operations.fixes import fix, for_size, of_origin
from cnnviz.operations.op import FailedCall, Failure, Fix, Mend, Op, Shape, called, shape_text
from cnnviz.operations.operation import UNKNOWN, named
from cnnviz.operations.refusals import Layer
from cnnviz.operations.window_arithmetic import same_padding, span


def diagnose_dimensions(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """An input with the wrong number of dimensions, such as a row of features for a layer that takes maps."""
    received = call.input_shapes[0]
    wanted = named(call.base).dimensions + 1
    if len(received) == wanted or (
        call.path is None and len(received) < wanted
    ):  # a function takes one image, too
        return None
    values = {
        "name": called(call.name, call.type),
        "type": call.type,
        "shape": shape_text(received),
        "wanted": _dimensions_taken(call, wanted),
        "count": len(received),
    }
    first = arranged_by(ops, call.inputs[0]) is None
    if len(received) == 1 and wanted > 2 and not first:
        reason = Message(
            "{name} ({type}) expects maps, channels x height x width, but gets a row of {values}.",
            values=numbers.values(received[0]),
            **values,
        )
        advice = Message("Move it before the flatten.")
    else:
        reason = Message(
            "{name} ({type}) expects {wanted} dimensions besides the batch, but its input {shape} has "
            "{count}.",
            **values,
        )
        advice = _dimensions_advice(call, wanted)
    cause = None
    if not first:
        cause = Message("{by} outputs {shape}.", shape=shape_text(received), by=ops[call.inputs[0]].title)
    given = _fitting_input(call, wanted) if first else None
    return Failure(
        call.name,
        call.type,
        reason,
        wanted,
        received,
        cause=cause,
        advice=advice if given is None else None,
        mends=() if given is None else tuple(_given(given, len(received) - wanted)),
        settled=given is not None,
    )


def _given(shape: Shape, surplus: int) -> Iterator[Mend]:
    values = {"shape": shape_text(shape), "sizes": ",".join(map(str, shape))}
    if surplus < 0:
        text = Message(
            "Give the input as {shape} (--input {sizes}), or add the channel: x = x.unsqueeze(1).", **values
        )
    else:
        text = Message("Give the shape of one image, without the batch: {shape} (--input {sizes}).", **values)
    yield Mend(text, shape, ahead=True)
    if surplus > 0:
        yield Mend(
            Message("Or, if these are the frames of a video, fold them into the batch: x = x.flatten(0, 1).")
        )


def _dimensions_taken(call: FailedCall, wanted: int) -> int | Message:
    """How many dimensions the layer takes; a ``BatchNorm1d`` takes rows of features, too."""
    rows = wanted == 2 and call.base == "BatchNorm1d"
    return Message("{few} or {many}", few=1, many=2) if rows else wanted


def _dimensions_advice(call: FailedCall, wanted: int) -> Message:
    """What to do about an input with another number of dimensions than ``wanted``, batch excluded."""
    received, kind = call.input_shapes[0], call.type
    sibling = of_dimensions(kind, len(received) - 1)
    if sibling is not None and call.path is None:
        return Message("For such an input there is F.{function}.", function=sibling)
    channels = call.arguments.get("in_channels", call.arguments.get("num_features", 3))
    return Message(
        "Pass an input with {wanted} dimensions, such as {example} for maps.",
        wanted=wanted,
        example=shape_text((int(str(channels)), *(32,) * (wanted - 1))),
    )


def _fitting_input(call: FailedCall, wanted: int) -> Shape | None:
    """The shape of one image, where the input has the batch in front as well, or lacks its only channel."""
    received, channels = call.input_shapes[0], call.arguments.get("in_channels")
    if len(received) == wanted + 1 and channels == received[1] != received[0]:
        return received[1:]
    return (1, *received) if len(received) == wanted - 1 and channels == 1 else None


def of_dimensions(name: str, dimensions: int) -> str | None:
    """The sibling of a layer or function that takes so many ``dimensions``: ``Conv1d`` for ``Conv2d`` and 1."""
    found = re.fullmatch(r"(\D+)[123](d\w*)", name)
    if found is None or dimensions not in (1, 2, 3):
        return None
    sibling = f"{found[1]}{dimensions}{found[2]}"
    return sibling if sibling != name and named(sibling) is not UNKNOWN else None


def mend_of_dimensions(failed: FailedCall, _ops: Sequence[Op]) -> Iterator[Fix]:
    """The layer's sibling for an input with another number of dimensions: ``BatchNorm2d`` for ``BatchNorm1d``."""
    received, arguments = failed.input_shapes[0], failed.arguments
    dimensions = len(received) - 1 or 1
    channels = arguments.get("in_channels", arguments.get("num_features"))
    sibling = of_dimensions(failed.type, dimensions)
    fits = channels in (None, received[0]) or ("num_features" in arguments and len(received) > 1)
    row = len(received) == 1 and "num_features" not in arguments  # one moves the layer before the flatten
    if failed.path is None or sibling is None or row or not fits:
        return
    if named(failed.base).dimensions != dimensions:
        yield Fix(f"{failed.path}.type", sibling, layer_text(sibling, arguments))


def diagnose_arrangement(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Images joined or mixed, branches joined along a wrong dimension, or channels that do not stand first."""
    lost = lost_batch(call, ops) or joined_elsewhere(call, ops, call.arguments.get("in_channels"))
    fits = len(call.input_shapes[0]) == named(call.base).dimensions + 1
    return lost or (channels_elsewhere(call, ops, "in_channels") if fits else None)


def diagnose_channels(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A convolution whose input has a different number of channels from ``in_channels``."""
    expected, received = call.arguments.get("in_channels"), call.input_shapes[0][0]
    if not isinstance(expected, int) or expected == received:
        return None
    refused = refusals.other_channels(Layer.of(call), call.input_shapes[0], expected, received)
    return refused.failure(call, expected, received, channels_origin(ops, call.inputs[0], received))


def diagnose_window(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A window larger than its padded input."""
    spans, room, sizes = window_sizes(call)
    if not spans or all(needed <= space for needed, space in zip(spans, room, strict=True)):
        return None
    refused = refusals.window_too_large(Layer.of(call), spans, room, sizes)
    cause = size_origin(ops, call.inputs[0], sizes)
    return replace(refused.failure(call, spans, room, cause), other_input="larger")


def window_sizes(call: FailedCall) -> tuple[Shape, Shape, Shape]:
    """For each side the span of a window, the size of the padded input, and of the input; empty without windows."""
    arguments = call.arguments
    kernel = arguments.get("kernel_size")
    if not isinstance(kernel, tuple) or not named(call.base).slides:
        return (), (), ()
    count = len(kernel)
    padding, dilation = (
        value if isinstance(value, tuple) else (default,) * count
        for value, default in ((arguments.get("padding"), 0), (arguments.get("dilation"), 1))
    )
    sizes = call.input_shapes[0][-count:]
    spans = tuple(map(span, kernel, dilation))
    added = [2 * p for p in padding]
    if arguments.get("padding") == "same":
        added = [sum(same_padding(k, d)) for k, d in zip(kernel, dilation, strict=True)]
    room = tuple(size + more for size, more in zip(sizes, added, strict=True))
    return spans, room, sizes


def diagnose_padding(call: FailedCall, _ops: Sequence[Op]) -> Failure | None:
    """A pooling padded by more than half of its kernel: PyTorch rejects windows that hold nothing but padding."""
    given, kernel = call.arguments.get("padding"), call.arguments.get("kernel_size")
    if not isinstance(given, tuple) or not isinstance(kernel, tuple):
        return None
    most = tuple(side // 2 for side in kernel)  # whatever the dilation
    if len(given) != len(most) or all(p <= limit for p, limit in zip(given, most, strict=True)):
        return None
    return refusals.too_much_padding(Layer.of(call), given, kernel).failure(call, most, given)


def mend_channels(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """``in_channels`` as received, ``groups`` to match, or the expected channels from the layer that chose them."""
    received, arguments = failed.input_shapes[0][0], failed.arguments
    groups, expected, leaving = (int(str(arguments[n])) for n in ("groups", "in_channels", "out_channels"))
    yield from fix(failed.path, failed.type, arguments, "in_channels", received)
    if received % groups:
        common = gcd(received, expected, leaving)
        yield from fix(failed.path, failed.type, arguments, "groups", common)
    yield from of_origin(failed, ops, expected)


def _mend_window(failed: FailedCall) -> Iterator[Fix]:
    spans, room, sizes = window_sizes(failed)
    if not spans:
        return
    kernel, dilation = _sides(failed, "kernel_size", len(spans)), _sides(failed, "dilation", len(spans))
    given = _sides(failed, "padding", len(spans))
    fitting = tuple(min(k, (space - 1) // d + 1) for k, space, d in zip(kernel, room, dilation, strict=True))
    needed = tuple(max(p, -(-(span - n) // 2)) for p, span, n in zip(given, spans, sizes, strict=True))
    most = tuple(min(p, side // 2) for p, side in zip(given, kernel, strict=True))
    learns = "in_channels" in failed.arguments
    possible: list[tuple[str, Shape, Shape]] = []
    if min(fitting) > 1 and not (
        learns and _turns_even(kernel, fitting)
    ):  # a window of one value looks at nothing
        possible.append(("kernel_size", fitting, kernel))
    if learns or min(sizes) > 1:  # and so does one that holds a single value and padding
        possible.append(("padding", needed, given))
    for argument, value, now in (*possible, ("padding", most, given)):
        if value != now and min(value) >= (1 if argument == "kernel_size" else 0):
            yield from fix(failed.path, failed.type, failed.arguments, argument, value)
    if learns and min(fitting) > 1:
        yield from fix(failed.path, failed.type, failed.arguments, "kernel_size", fitting)


def _turns_even(kernel: Shape, fitting: Shape) -> bool:
    """Whether a small odd kernel would become even: its padding then keeps more of what it does."""
    return any(k % 2 and not f % 2 and k <= _SMALL_KERNEL for k, f in zip(kernel, fitting, strict=True))


_SMALL_KERNEL = 7


def _larger_input(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Make an earlier layer's output just large enough for the window."""
    spans, room, sizes = window_sizes(failed)
    if spans and failed.inputs:
        wanted = tuple(max(n, n + span - space) for n, span, space in zip(sizes, spans, room, strict=True))
        if wanted != sizes:
            yield from for_size(failed.inputs, ops, wanted)


def _sides(failed: FailedCall, argument: str, count: int) -> Shape:
    value = failed.arguments.get(argument)
    return value if isinstance(value, tuple) else (1 if argument == "dilation" else 0,) * count


def mend_convolution(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """The number of dimensions, the channels where they differ, otherwise the window or the size of its input."""
    if len(failed.input_shapes[0]) != named(failed.base).dimensions + 1:
        yield from mend_of_dimensions(failed, ops)
    elif failed.arguments["in_channels"] != failed.input_shapes[0][0]:
        yield from mend_channels(failed, ops)
    else:
        yield from mend_pooling(failed, ops)


def mend_pooling(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """A layer for another number of dimensions, a smaller window, more padding, or a larger input."""
    yield from mend_of_dimensions(failed, ops)
    yield from _mend_window(failed)
    yield from _larger_input(failed, ops)
