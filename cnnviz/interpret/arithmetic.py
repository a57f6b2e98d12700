"""A layer's arithmetic, taken from the function call that computed it: what PyTorch was given is what is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.interpret.pixel import Arithmetic, Mode, Values
from cnnviz.interpret.window_places import Places, adaptive, sliding, transposed, whole
from cnnviz.language import Message
from cnnviz.operations.batch_layout import FRONT
from cnnviz.operations.op import MODEL_INPUT, Op, product
from cnnviz.operations.padding import same_padding
from cnnviz.tracing.capture import Call, capture_call

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

_CONVOLUTIONS = ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d")
_MODES: Mapping[str, Mode] = {"max_pool": "max", "avg_pool": "mean"}


def can_be_shown(op: Op) -> bool:
    """Whether the op is a convolution, pooling or linear layer over images, sequences or vectors."""
    in_front = op.layout == FRONT and not op.input_layouts  # the batch, as the arithmetic takes for granted
    few = all(len(shape) <= 3 for shape in (*op.input_shapes, op.output_shape))
    return op.kind in ("convolution", "pooling", "linear") and few and in_front


def arithmetic_of(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> Arithmetic:
    """What ``op``, one of the ops of ``trace``, is computed from when ``model`` gets the image ``x``.

    ``model`` is in eval mode; it is only called, and may be shared between threads. ``x`` is
    (1, *trace.input_shape) float32, normalised; ``trace`` is of the same model.

    Raises:
        ValueError: ``x`` is not one image.
        CnnvizError: the op is of another kind, or the pass differs from the trace.
    """
    if len(x) != 1:
        raise ValueError(f"x holds {len(x)} images; the arithmetic is of one")
    if op.call is None:
        raise _unsupported(op)
    call = capture_call(model, x, trace, op)
    if call.function == "linear" and call.arguments["input"].dim() == 2:
        return _linear(op, call, trace)
    if call.function in _CONVOLUTIONS:
        return _convolution(op, call)
    name, dimensions = call.function[:-2].removeprefix("adaptive_"), call.function[-2:]
    if name in _MODES and dimensions in ("1d", "2d"):
        return _pooling(op, call)
    raise _unsupported(op)


def _convolution(op: Op, call: Call) -> Arithmetic:
    given, flat = call.arguments, call.function.endswith("1d")
    x, weight, output = (_image(tensor, flat) for tensor in (given["input"], given["weight"], call.output))
    groups = int(given.get("groups", 1))
    kernel = weight.shape[2:]
    stride, dilation = _pair(given.get("stride", 1), flat, 1), _pair(given.get("dilation", 1), flat, 1)
    padding = _padding(given.get("padding", 0), flat, kernel, dilation)
    make: Callable[..., Places] = sliding
    if call.function.startswith("conv_transpose"):
        make = transposed
        # (in, out / groups, kh, kw) -> (out, in / groups, kh, kw)
        weight = np.concatenate([part.transpose(1, 0, 2, 3) for part in np.split(weight, groups)])
    rows, columns = (
        make(
            output.shape[2 + axis],
            x.shape[2 + axis],
            kernel=kernel[axis],
            stride=stride[axis],
            padding=padding[axis],
            dilation=dilation[axis],
        )
        for axis in (0, 1)
    )
    bias = _bias(given.get("bias"), len(weight))
    return Arithmetic(op, "sum", x[0], output[0], rows, columns, weight, bias, groups)


def _pooling(op: Op, call: Call) -> Arithmetic:
    given, flat = call.arguments, call.function.endswith("1d")
    x, output = _image(given["input"], flat)[0], _image(call.output, flat)[0]
    mode = _MODES[call.function[:-2].removeprefix("adaptive_")]
    if call.function.startswith("adaptive"):
        rows, columns = (adaptive(output.shape[1 + axis], x.shape[1 + axis]) for axis in (0, 1))
    else:
        rows, columns = _pool_windows(given, flat, x, output)
    return Arithmetic(
        op,
        mode,
        x,
        output,
        rows,
        columns,
        divisor=given.get("divisor_override"),
        count_padding=bool(given.get("count_include_pad", True)),
    )


def _pool_windows(given: Mapping[str, Any], flat: bool, x: Values, output: Values) -> tuple[Places, Places]:
    kernel = _pair(given["kernel_size"], flat, 1)
    stride = _pair(given.get("stride") or given["kernel_size"], flat, 1)
    padding, dilation = _pair(given.get("padding", 0), flat, 0), _pair(given.get("dilation", 1), flat, 1)
    rows, columns = (
        sliding(
            output.shape[1 + axis],
            x.shape[1 + axis],
            kernel=kernel[axis],
            stride=stride[axis],
            padding=padding[axis],
            dilation=dilation[axis],
            ends=True,
        )
        for axis in (0, 1)
    )
    return rows, columns


def _linear(op: Op, call: Call, trace: Trace) -> Arithmetic:
    x, weight = _numpy(call.arguments["input"]), _numpy(call.arguments["weight"])
    shape = _flattened(op, trace) or (x.shape[1], 1, 1)
    return Arithmetic(
        op,
        "sum",
        x.reshape(shape),
        _numpy(call.output).reshape(-1, 1, 1),
        whole(shape[1]),
        whole(shape[2]),
        weight.reshape(-1, *shape),
        _bias(call.arguments.get("bias"), len(weight)),
    )


def _flattened(op: Op, trace: Trace) -> tuple[int, int, int] | None:
    """The maps (C, H, W) whose values a linear layer gets in a row; None where it gets no maps."""
    source = _source(op)
    while source >= 0 and trace.ops[source].kind in ("dropout", "activation"):
        source = _source(trace.ops[source])
    if source < 0:
        return None
    before = trace.ops[source]
    shape = before.input_shapes[0] if before.input_shapes else ()
    flattens = before.type.lower() in ("flatten", "view", "reshape")
    if not flattens or len(shape) != 3 or before.output_shape != (product(shape),):
        return None
    return shape[0], shape[1], shape[2]


def _source(op: Op) -> int:
    return op.inputs[0] if op.inputs else MODEL_INPUT


def _unsupported(op: Op) -> CnnvizError:
    return CnnvizError(
        Message(
            "The arithmetic of {name} ({type}) cannot be shown; choose a convolution, a pooling or a linear layer "
            "that works on images or vectors.",
            name=op.name,
            type=op.type,
        )
    )


def _numpy(tensor: Tensor) -> Values:
    values: Values = tensor.detach().cpu().float().contiguous().numpy()
    return values


def _bias(tensor: Tensor | None, outputs: int) -> Values:
    return np.zeros(outputs, np.float32) if tensor is None else _numpy(tensor)


def _image(tensor: Tensor, flat: bool) -> Values:
    """(A, B, H, W); what works along one dimension only gets a height of 1."""
    values = _numpy(tensor)
    return np.expand_dims(values, -2) if flat else values


def _pair(value: Any, flat: bool, height: int) -> tuple[int, int]:
    """A size for rows and for columns; ``height`` for the rows of what works along one dimension only."""
    sizes = (value,) if isinstance(value, int) else tuple(value)
    if flat:
        return height, int(sizes[0])
    return int(sizes[0]), int(sizes[-1])


def _padding(value: Any, flat: bool, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, int]:
    """Cells before the input."""
    if isinstance(value, str):
        (above, _), (left, _) = map(same_padding, kernel, dilation) if value == "same" else ((0, 0), (0, 0))
        return above, left
    return _pair(value, flat, 0)
