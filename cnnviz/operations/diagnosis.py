"""The diagnosis of a call that PyTorch refused: what it received, what it expected, and which layer decided that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import cast

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Failure, Op, Shape, called, shape_text
from cnnviz.operations.operation import named, operation_of


def diagnose(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """Explain why ``call`` failed; ``ops`` are those executed before it.

    Where cnnviz does not know the rule that was broken, the diagnosis quotes PyTorch.
    """
    found = None
    if call.input_shapes:
        # Some arguments (a kernel of size 0, say) are so unusual that no rule can be evaluated.
        with suppress(TypeError, ValueError, IndexError, KeyError):
            rules = named(call.base).diagnose
            found = next((told for rule in rules if (told := rule(call, ops)) is not None), None)
    return replace(found or quoted(call.name, call.type, call.error), inputs=call.inputs)


def quoted(name: str, type_name: str, error: BaseException, place: str | None = None) -> Failure:
    """PyTorch's own words, where cnnviz does not know the rule that was broken; ``place`` is a line of code."""
    values = {"name": called(name, type_name), "type": type_name, "error": type(error).__name__}
    words = str(error).strip().splitlines()[:1] or ["-"]
    if place is None:
        reason = Message("{name} ({type}) raises {error}: {words}", words=words[0], **values)
    else:
        reason = Message(
            "{name} ({type}) raises {error} in {place}: {words}", place=place, words=words[0], **values
        )
    return Failure(name=name, type=type_name, reason=reason, quoted=True)


_DEFAULTS: Mapping[str, object] = {
    "stride": 1,
    "padding": 0,
    "output_padding": 0,
    "dilation": 1,
    "groups": 1,
    "ceil_mode": False,
}


def channels_from(ops: Sequence[Op], index: int) -> int:
    """The op that chose the channels (or features) of the output of the op at ``index``; -1 is the input."""
    while index != MODEL_INPUT and not _sets_channels(ops[index]):
        index = ops[index].inputs[0]
    return index


def _sets_channels(op: Op) -> bool:
    arguments = op.arguments
    if not op.inputs or "out_channels" in arguments or "out_features" in arguments or operation_of(op).joins:
        return True
    return op.input_shapes[0][:1] != op.output_shape[:1]


def size_from(ops: Sequence[Op], index: int) -> int:
    """The op that chose height and width of the output of the op at ``index``; -1 is the input."""
    while index != MODEL_INPUT and not _sets_size(ops[index]):
        index = ops[index].inputs[0]
    return index


def _sets_size(op: Op) -> bool:
    if not op.inputs or "output_size" in op.arguments:
        return True
    received, given = op.input_shapes[0], op.output_shape
    if sorted(received) == sorted(given) or ("out_features" in op.arguments and len(given) > 1):
        return False  # a permute, or a Linear over the last of several dimensions
    return received[1:] != given[1:]


def origins(ops: Sequence[Op], index: int, shape: Shape) -> Message:
    """Which layers decided the channels and the size of ``shape``, the output of the op at ``index``."""
    by, size = source(ops, channels_from(ops, index)), shape_text(shape[1:])
    if len(shape) == 1 and shape[0] == 1:
        return Message("The 1 feature comes from {by}.", by=by)
    if len(shape) == 1:
        return Message("The {features} come from {by}.", features=numbers.features(shape[0]), by=by)
    if len(shape) == 2:
        return channels_origin(ops, index, shape[0])
    channels = numbers.channels(shape[0])
    if channels_from(ops, index) == size_from(ops, index):
        return Message(
            "The {channels} and the size {size} come from {by}.", channels=channels, size=size, by=by
        )
    sized = source(ops, size_from(ops, index))
    if shape[0] == 1:
        return Message(
            "The 1 channel comes from {by}, the size {size} from {sized}.", by=by, size=size, sized=sized
        )
    return Message(
        "The {channels} come from {by}, the size {size} from {sized}.",
        channels=channels,
        by=by,
        size=size,
        sized=sized,
    )


def channels_origin(ops: Sequence[Op], index: int, count: int) -> Message:
    """Which layer decided the number of channels."""
    by = source(ops, channels_from(ops, index))
    if count == 1:
        return Message("The 1 channel comes from {by}.", by=by)
    return Message("The {channels} come from {by}.", channels=numbers.channels(count), by=by)


def size_origin(ops: Sequence[Op], index: int, size: Shape) -> Message:
    """Which layer decided the size of the maps."""
    by = source(ops, size_from(ops, index))
    return Message("The size {size} comes from {by}.", size=shape_text(size), by=by)


def source(ops: Sequence[Op], index: int) -> str | Message:
    """An op with the arguments that decided: ``mp (MaxPool2d(2))`` or ``incep1.cat (16 + 24 + 24 + 24)``."""
    if index == MODEL_INPUT:
        return Message("the input")
    op = ops[index]
    if operation_of(op).joins:
        axis = int(str(op.arguments.get("dim", 1))) - 1
        sizes = (str(shape[axis]) for shape in op.input_shapes if 0 <= axis < len(shape))
        return f"{op.title} ({' + '.join(sizes)})"
    text = layer_text(op.type, op.arguments)
    return op.title if text.endswith("()") else f"{op.title} ({text})"


def layer_text(type_name: str, arguments: Mapping[str, object]) -> str:
    """A layer as one writes it in code: ``Conv2d(16, 32, kernel_size=3, padding=1)``."""
    first = [
        str(arguments[name])
        for name in ("in_channels", "out_channels", "in_features", "out_features")
        if name in arguments
    ]
    for name in ("num_groups", "num_features", "num_channels", "num_parameters"):
        if name in arguments:
            first.append(str(arguments[name]))
    if "normalized_shape" in arguments:
        first.append(str(list(cast(Sequence[int], arguments["normalized_shape"]))))
    if type_name.startswith("Dropout") and "p" in arguments:
        first.append(str(arguments["p"]))
    named: list[str] = []
    for name in ("kernel_size", "output_size", *_DEFAULTS):
        value = _single(arguments.get(name))
        plain = value is None or value == _DEFAULTS.get(name)
        if name == "stride" and "in_channels" not in arguments:  # of a pooling: the kernel, unless told
            plain = value is None or value == _single(arguments.get("kernel_size"))
        if not plain:
            named.append(f"{name}={_written(value)}" if first or named else _written(value))
    return f"{type_name}({', '.join([*first, *named])})"


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _single(value: object) -> object:
    """The number itself for a tuple that repeats one number."""
    if isinstance(value, (tuple, list)) and value and len(set(value)) == 1:
        return value[0]
    return value
