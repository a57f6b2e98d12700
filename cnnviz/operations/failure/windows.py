"""What goes wrong in convolutions and poolings: channels, windows that do not fit, missing dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.failure.origin import channels_origin, size_origin
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Failure, Op, Shape, called, shape_text
from cnnviz.operations.padding import same_padding, span

_OF_MAPS = ("Conv", "BatchNorm", "MaxPool", "AvgPool", "LPPool", "Adaptive", "InstanceNorm", "Dropout")


def dimensions(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A layer for maps that receives a row of features, or for images that receives another thing."""
    received = call.input_shapes[0]
    wanted = _dimensions(call) + 1
    if wanted == 1 or len(received) == wanted or call.path is None:
        return None
    if "BatchNorm1d" in call.type and len(received) == 1:
        return None
    values = {
        "name": called(call.name, call.type),
        "type": call.type,
        "shape": shape_text(received),
        "wanted": wanted,
        "count": len(received),
    }
    first = call.inputs[0] == MODEL_INPUT
    if len(received) == 1 and wanted == 3 and not first:
        reason = Message(
            "{name} ({type}) works on maps, channels x height x width, but a row of {values} arrives.",
            values=numbers.values(received[0]),
            **values,
        )
        advice = Message("Put it before the values are flattened.")
    else:
        reason = Message(
            "{name} ({type}) works on {wanted} dimensions besides the batch, but its input {shape} has {count}.",
            **values,
        )
        advice = Message(
            "Give it an input of {wanted} dimensions, such as {example} for maps.",
            wanted=wanted,
            example=shape_text((int(str(call.arguments.get("in_channels", 3))), *(32,) * (wanted - 1))),
        )
    if not first:
        maker = ops[call.inputs[0]]
        cause = Message("{shape} is what {by} gives.", shape=shape_text(received), by=maker.title)
        return Failure(call.name, call.type, reason, wanted, received, cause=cause, advice=advice)
    return Failure(call.name, call.type, reason, wanted, received, advice=advice)


def _dimensions(call: FailedCall) -> int:
    """Of how many dimensions a layer's maps are: 2 for Conv2d, 0 for what is not for maps."""
    if not call.type.startswith(_OF_MAPS) and "Conv" not in call.type:
        return 0
    return next((n for n in (1, 2, 3) if f"{n}d" in call.type), 0)


def channels(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A convolution that was built for another number of channels than arrive."""
    expected, received = call.arguments.get("in_channels"), call.input_shapes[0][0]
    if not isinstance(expected, int) or expected == received:
        return None
    wanted = numbers.channels(expected)
    reason = Message(
        "{name} ({type}) expects {channels}, but its input {shape} has {received}.",
        name=called(call.name, call.type),
        type=call.type,
        shape=shape_text(call.input_shapes[0]),
        channels=wanted,
        received=numbers.number(received),
    )
    advice = Message(
        "Set in_channels to {received}, or give the layer before it {channels}.",
        received=received,
        channels=wanted,
    )
    cause = channels_origin(ops, call.inputs[0], received)
    return Failure(call.name, call.type, reason, expected, received, cause=cause, advice=advice)


def too_large(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A window that is larger than what it is laid over."""
    spans, room, sizes = window_sizes(call)
    if not spans or all(needed <= space for needed, space in zip(spans, room, strict=True)):
        return None
    values = {
        "name": called(call.name, call.type),
        "type": call.type,
        "spans": shape_text(spans),
        "sizes": shape_text(sizes),
        "room": shape_text(room),
    }
    if room == sizes:
        reason = Message(
            "{name} ({type}) lays a window of {spans} over an input of {sizes}: the window is larger than the input.",
            **values,
        )
    else:
        reason = Message(
            "{name} ({type}) lays a window of {spans} over an input of {sizes}, {room} once padded: the window "
            "is larger than that.",
            **values,
        )
    return Failure(
        call.name,
        call.type,
        reason,
        spans,
        room,
        cause=size_origin(ops, call.inputs[0], sizes),
        advice=Message("Use a smaller kernel, more padding, or a larger input."),
    )


def window_sizes(call: FailedCall) -> tuple[Shape, Shape, Shape]:
    """For each side: how far a window reaches, the padded input, and the input; empty where there is no window."""
    arguments = call.arguments
    kernel = arguments.get("kernel_size")
    if not isinstance(kernel, tuple) or "transpose" in call.type.lower() or "output_size" in arguments:
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


def padding(call: FailedCall, _ops: Sequence[Op]) -> Failure | None:
    """A pooling that pads more than half of its kernel: PyTorch refuses windows of padding alone."""
    given, kernel = call.arguments.get("padding"), call.arguments.get("kernel_size")
    if "pool" not in call.type.lower() or not isinstance(given, tuple) or not isinstance(kernel, tuple):
        return None
    most = tuple(side // 2 for side in kernel)  # whatever the dilation
    if len(given) != len(most) or all(p <= limit for p, limit in zip(given, most, strict=True)):
        return None
    reason = Message(
        "{name} ({type}) has a padding of {padding}, but a pooling may pad at most half of its kernel of {kernel}.",
        name=called(call.name, call.type),
        type=call.type,
        padding=shape_text(given),
        kernel=shape_text(kernel),
    )
    advice = Message("Set its padding to {most}.", most=shape_text(most))
    return Failure(call.name, call.type, reason, most, given, advice=advice)
