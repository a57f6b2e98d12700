"""The diagnosis of a forward pass that broke: what arrived, what was expected, and the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from torch import nn

from cnnviz.language import Message
from cnnviz.shapes.naming import function_kind, module_type
from cnnviz.shapes.op import Failure, Fix, Op, Shape, product, shape_text
from cnnviz.shapes.recorder import FailedCall

_NORMALISATIONS = ("BatchNorm", "InstanceNorm", "batch_norm", "instance_norm")


def diagnose(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """Explain the call that raised; ``ops`` are those executed before it.

    Where cnnviz does not know the rule that was broken, the diagnosis quotes PyTorch's own words.
    """
    try:
        found = _rule_broken(call, ops)
    except (TypeError, ValueError, IndexError, KeyError):
        found = None  # arguments so odd (a kernel of no size, say) that no rule can be put into numbers
    return replace(found or _quoted(call.name, call.type, call.error), inputs=call.inputs)


def _rule_broken(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    shapes = call.input_shapes
    if shapes and "in_features" in call.arguments and shapes[0]:
        return _linear(call, ops)
    if shapes and "in_channels" in call.arguments:
        return _channels(call) or _window(call)
    if shapes and "kernel_size" in call.arguments:
        return _window(call)
    if shapes and call.type.startswith(_NORMALISATIONS):
        return _normalisation(call)
    if len(shapes) > 1 and function_kind(call.type) == "merge":
        return _merge(call, ops)
    if shapes and "shape" in call.arguments:
        return _view(call)
    return None


def forward_raised(path: str, module: nn.Module, error: BaseException) -> Failure:
    """The diagnosis of an error that no torch function raised, but the code of ``forward`` itself."""
    return _quoted(path or "forward", module_type(module), error)


def _quoted(name: str, type_name: str, error: BaseException) -> Failure:
    words = str(error).strip().splitlines()
    reason = Message(
        "{name} ({type}) raises {error}: {words}",
        name=name,
        type=type_name,
        error=type(error).__name__,
        words=words[0] if words else "-",
    )
    return Failure(name=name, type=type_name, reason=reason)


def _linear(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    expected, received = cast(int, call.arguments["in_features"]), call.input_shapes[0][-1]
    if expected == received:
        return None
    if len(call.input_shapes[0]) == 3:
        return _not_flattened(call, expected)
    out_features = call.arguments["out_features"]
    flattened = _flattened_shape(call, ops)
    product_text = f"{shape_text(flattened)} = {received}" if flattened else f"{received}"
    fix = None
    if call.path is not None:
        fix = Fix(f"{call.path}.in_features", received, f"Linear({received}, {out_features})")
    reason = Message(
        "{name} receives {product} features, but Linear({expected}, {out_features}) expects {expected}. "
        "Fix: Linear({received}, {out_features}).",
        name=call.name,
        product=product_text,
        expected=expected,
        received=received,
        out_features=out_features,
    )
    return Failure(call.name, call.type, reason, expected, received, fix)


def _not_flattened(call: FailedCall, expected: int) -> Failure:
    """Maps arrive where a row of features is expected: more often a forgotten flatten than a wrong size."""
    received = call.input_shapes[0]
    features = product(received)
    if features == expected:
        reason = Message(
            "{name} receives the maps {shape} as they are. flatten(1) is missing before it: then {shape} = "
            "{features} features arrive, as Linear({expected}, {out_features}) expects.",
            name=call.name,
            shape=shape_text(received),
            features=features,
            expected=expected,
            out_features=call.arguments["out_features"],
        )
    else:
        reason = Message(
            "{name} receives the maps {shape} as they are. flatten(1) is missing before it: then {shape} = "
            "{features} features arrive, and the layer has to be Linear({features}, {out_features}).",
            name=call.name,
            shape=shape_text(received),
            features=features,
            out_features=call.arguments["out_features"],
        )
    return Failure(call.name, call.type, reason, expected, received)


def _flattened_shape(call: FailedCall, ops: Sequence[Op]) -> Shape | None:
    """The shape that was flattened into the failing layer's input, if one was."""
    index = call.inputs[0] if call.inputs else -1
    while index >= 0:
        op = ops[index]
        if (
            op.kind == "reshape"
            and op.input_shapes
            and product(op.input_shapes[0]) == product(op.output_shape)
        ):
            return op.input_shapes[0] if len(op.input_shapes[0]) > 1 else None
        if op.kind not in ("activation", "dropout") or not op.inputs:
            return None
        index = op.inputs[0]
    return None


def _channels(call: FailedCall) -> Failure | None:
    expected, received = cast(int, call.arguments["in_channels"]), call.input_shapes[0][0]
    if expected == received:
        return None
    divisible = received % cast(int, call.arguments["groups"]) == 0
    fix = None
    if call.path is not None and divisible:
        text = f"{call.type}({received}, {call.arguments['out_channels']})"
        fix = Fix(f"{call.path}.in_channels", received, text)
    reason = Message(
        "{name} ({type}) expects {expected} channels, but its input {shape} has {received}. "
        "Set in_channels to {received}, or give the layer before it {expected} channels.",
        name=call.name,
        type=call.type,
        expected=expected,
        shape=shape_text(call.input_shapes[0]),
        received=received,
    )
    return Failure(call.name, call.type, reason, expected, received, fix)


def _window(call: FailedCall) -> Failure | None:
    arguments = call.arguments
    kernel = cast(tuple[int, ...], arguments["kernel_size"])
    dimensions = len(kernel)
    sizes = call.input_shapes[0][-dimensions:]
    padding = _sizes(arguments, "padding", 0, dimensions)
    dilation = _sizes(arguments, "dilation", 1, dimensions)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    room = tuple(size + 2 * p for size, p in zip(sizes, padding, strict=True))
    if all(span <= space for span, space in zip(spans, room, strict=True)):
        return None
    fitting = tuple(min(k, (space - 1) // d + 1) for k, space, d in zip(kernel, room, dilation, strict=True))
    fix = None
    if call.path is not None and all(k >= 1 for k in fitting):
        fix = Fix(f"{call.path}.kernel_size", list(fitting), f"{call.type}(kernel_size={fitting})")
    values = {
        "name": call.name,
        "type": call.type,
        "spans": shape_text(spans),
        "sizes": shape_text(sizes),
        "room": shape_text(room),
    }
    if room == tuple(sizes):
        reason = Message(
            "{name} ({type}) lays a window of {spans} over an input of {sizes}: the window is larger than the "
            "input. Use a smaller kernel, more padding, or a larger input.",
            **values,
        )
    else:
        reason = Message(
            "{name} ({type}) lays a window of {spans} over an input of {sizes}, {room} once padded: the window "
            "is larger than that. Use a smaller kernel, more padding, or a larger input.",
            **values,
        )
    return Failure(call.name, call.type, reason, spans, room, fix)


def _sizes(arguments: Mapping[str, object], name: str, default: int, dimensions: int) -> tuple[int, ...]:
    value = arguments.get(name)
    return cast(tuple[int, ...], value) if isinstance(value, tuple) else (default,) * dimensions


def _normalisation(call: FailedCall) -> Failure | None:
    expected, received = call.arguments.get("num_features"), call.input_shapes[0][0]
    if not isinstance(expected, int) or expected == received:
        return None
    reason = Message(
        "{name} ({type}) normalises {expected} channels, but its input {shape} has {received}. "
        "Set num_features to {received}.",
        name=call.name,
        type=call.type,
        expected=expected,
        shape=shape_text(call.input_shapes[0]),
        received=received,
    )
    fix = Fix(f"{call.path}.num_features", received, f"{call.type}({received})") if call.path else None
    return Failure(call.name, call.type, reason, expected, received, fix)


def _merge(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    first = call.input_shapes[0]
    other = next((shape for shape in call.input_shapes[1:] if shape != first), None)
    if other is None:
        return None
    inputs = ", ".join(
        f"{ops[index].name if index >= 0 else 'x'} {shape_text(shape)}"
        for index, shape in zip(call.inputs, call.input_shapes, strict=True)
    )
    if call.type in ("cat", "concat", "concatenate"):
        template = Message(
            "{name} joins inputs whose sizes differ ({inputs}): only the dimension that is joined may differ. "
            "Give the branches the same stride, and each kernel its padding.",
            name=call.name,
            inputs=inputs,
        )
    else:
        template = Message(
            "{name} combines inputs of unlike shapes ({inputs}), value by value: both must match. Let the "
            "branch keep the shape (padding, stride 1), or bring the shortcut to it with a 1x1 convolution.",
            name=call.name,
            inputs=inputs,
        )
    return Failure(call.name, call.type, template, first, other)


def _view(call: FailedCall) -> Failure:
    wanted = cast(Shape, call.arguments["shape"])
    reason = Message(
        "{name} cannot turn {shape} ({count} values an image) into {wanted}: the sizes do not multiply to the "
        "same number. flatten(1) fits any size.",
        name=call.name,
        shape=shape_text(call.input_shapes[0]),
        count=product(call.input_shapes[0]),
        wanted=str(tuple(wanted)),
    )
    return Failure(call.name, call.type, reason, wanted, call.input_shapes[0])
