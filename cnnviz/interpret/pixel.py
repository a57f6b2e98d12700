"""The arithmetic of one output pixel: the input values, weights and products that it is computed from.

It is taken from the function call that computed the layer: what PyTorch was given is what is shown.
Convolutions, pooling and linear layers are all treated alike: for each output row there is a list of input
rows, for each output column a list of input columns, and where they cross lies the patch. Stride, padding,
dilation, windows that reach beyond the edge (``ceil_mode``), adaptive and transposed windows only change
these lists, and a linear layer is a convolution whose kernel is as large as its input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.interpret.filters import maps_into
from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.op import Op
from cnnviz.operations.window_arithmetic import same_padding
from cnnviz.tracing.capture import Call, capture_call

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

Places = NDArray[np.int64]

PADDING = -1
"""This part of the window lies outside the input, in its padding."""

BEYOND = -2
"""This part of the window reads nothing: it lies beyond the padding (``ceil_mode``), or in a gap."""


def sliding(
    outputs: int, inputs: int, *, kernel: int, stride: int, padding: int, dilation: int, ends: bool = False
) -> Places:
    """Windows ``stride`` apart: (outputs, kernel). With ``ends`` the padding ends after ``padding`` cells."""
    places = np.arange(outputs)[:, None] * stride - padding + np.arange(kernel) * dilation
    beyond = places >= inputs + padding
    places = np.where((places < 0) | (places >= inputs), PADDING, places)
    return np.where(beyond & ends, BEYOND, places)


def transposed(outputs: int, inputs: int, *, kernel: int, stride: int, padding: int, dilation: int) -> Places:
    """The windows of a transposed convolution: (outputs, kernel), with the gaps that ``stride`` leaves."""
    steps = np.arange(outputs)[:, None] + padding - np.arange(kernel) * dilation
    places = steps // stride
    reads = (steps % stride == 0) & (places >= 0) & (places < inputs)
    return np.where(reads, places, BEYOND)


def adaptive(outputs: int, inputs: int) -> Places:
    """Windows that divide ``inputs`` positions evenly: (outputs, widest window).

    From floor(i * inputs / outputs) up to ceil((i + 1) * inputs / outputs), as PyTorch does.
    """
    begins = np.arange(outputs) * inputs // outputs
    ends = -(-(np.arange(1, outputs + 1) * inputs) // outputs)
    places = begins[:, None] + np.arange(int((ends - begins).max()))
    return np.where(places < ends[:, None], places, BEYOND)


def whole(inputs: int) -> Places:
    """One window over everything: (1, inputs)."""
    return np.arange(inputs)[None, :]


Values = NDArray[np.float32]
Sums = NDArray[np.float64]
Mode = Literal["sum", "max", "mean"]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """A layer with its input and output for one image, ready to be taken apart; shared, so it must not be changed.

    ``x``: (C, H, W) float32, the input; of a linear layer (features, 1, 1), or the maps that were flattened
    before it. ``output``: (N, rows, columns) float32, what PyTorch computed. ``weight``: (N, C / groups, kh,
    kw) and ``bias``: (N,) float32, None for pooling. ``rows`` (rows, kh) and ``columns`` (columns, kw) say
    which input row and column each part of the window reads: PADDING beside the input, BEYOND where it reads
    nothing. ``divisor`` is what average pooling divides by; None if it counts the values.
    """

    op: Op
    mode: Mode
    x: Values
    output: Values
    rows: Places
    columns: Places
    weight: Values | None = None
    bias: Values | None = None
    groups: int = 1
    divisor: int | None = None
    count_padding: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (self.x, self.output, self.rows, self.columns, self.weight, self.bias)
        return sum(0 if array is None else array.nbytes for array in arrays)

    def sources(self, channel: int) -> range:
        """The input channels that the output ``channel`` is computed from."""
        if self.weight is None:
            return range(channel, channel + 1)
        outputs, inputs = self.weight.shape[:2]
        group = channel // (outputs // self.groups)
        return range(group * inputs, (group + 1) * inputs)

    def count(self, row: int, column: int) -> int:
        """The divisor of average pooling at an output position."""
        if self.divisor is not None:
            return self.divisor
        least = PADDING if self.count_padding else 0
        return int((self.rows[row] >= least).sum() * (self.columns[column] >= least).sum())


@dataclass(frozen=True, eq=False)
class Pixel:
    """One output value, taken apart.

    ``channels``: (n,) the input channels involved. ``values``: (n, kh, kw) float32, the patch, 0 in the
    padding and beyond. ``inside``: (kh, kw), where the patch lies in the input. ``products`` (n, kh, kw) and
    ``sums`` (n,), both float64, of value times weight; of the values for pooling. ``result`` is computed from them,
    ``computed`` is PyTorch's value.
    """

    channels: NDArray[np.int64]
    values: Values
    inside: NDArray[np.bool_]
    products: Sums
    sums: Sums
    bias: float
    result: float
    computed: float


def pixel(layer: Arithmetic, channel: int, row: int, column: int) -> Pixel:
    """Take apart the output value in ``channel`` at ``row`` and ``column``, all counted from 0."""
    rows, columns = layer.rows[row], layer.columns[column]
    inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    sources = layer.sources(channel)
    read = layer.x[sources.start : sources.stop][:, np.maximum(rows, 0)][:, :, np.maximum(columns, 0)]
    patch: Values = np.where(inside, read, np.float32(0))
    products = patch.astype(np.float64)
    if layer.weight is not None:
        products = products * layer.weight[channel]
    sums: Sums = products.sum(axis=(1, 2))
    bias = 0.0 if layer.bias is None else float(layer.bias[channel])
    if layer.mode == "max":
        result = float(patch[0][inside].max())
    elif layer.mode == "mean":
        result = float(sums[0]) / layer.count(row, column)
    else:
        result = float(sums.sum()) + bias
    return Pixel(
        channels=np.array(sources),
        values=patch,
        inside=inside,
        products=products,
        sums=sums,
        bias=bias,
        result=result,
        computed=float(layer.output[channel, row, column]),
    )


def partial_sums(layer: Arithmetic, channel: int) -> Sums:
    """How much each input channel adds to every value of the output ``channel``: (n, rows, columns) float64.

    Only for layers with weights; together with the bias they add up to the output.
    """
    assert layer.weight is not None
    sources = layer.sources(channel)
    # A row and a column of zeros at the end stand for everything outside.
    padded = np.pad(layer.x[sources.start : sources.stop], ((0, 0), (0, 1), (0, 1)))
    height, width = layer.x.shape[1:]
    rows = np.where(layer.rows < 0, height, layer.rows)
    columns = np.where(layer.columns < 0, width, layer.columns)
    sums = np.zeros((len(sources), len(rows), len(columns)))
    for i in range(rows.shape[1]):
        for j in range(columns.shape[1]):
            taken = padded[:, rows[:, i]][:, :, columns[:, j]]
            sums += taken * layer.weight[channel, :, i, j, None, None].astype(np.float64)
    return sums


_CONVOLUTIONS = ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d")
_MODES: Mapping[str, Mode] = {"max_pool": "max", "avg_pool": "mean"}


def can_be_shown(op: Op) -> bool:
    """Whether the op is a convolution, pooling or linear layer over images, sequences or vectors."""
    in_front = op.layout == FRONT and not op.input_layouts  # the batch, which the arithmetic relies on
    few = all(len(shape) <= 3 for shape in (*op.input_shapes, op.output_shape))
    return op.kind in ("convolution", "pooling", "linear") and few and in_front


def arithmetic_of(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> Arithmetic:
    """What ``op``, one of the ops of ``trace``, is computed from when ``model`` is given the image ``x``.

    ``model`` is in eval mode; it is only called, and may be shared between threads. ``x`` is
    (1, *trace.input_shape) float32, normalised; ``trace`` is of the same model.

    Raises:
        ValueError: ``x`` is not one image.
        CnnvizError: the op is of another kind, or the pass differs from the trace.
    """
    if len(x) != 1:
        raise ValueError(f"x holds {len(x)} images; the arithmetic is of one")
    if op.call is None:
        raise unsupported(op)
    return arithmetic_of_call(op, capture_call(model, x, trace, op), trace)


def arithmetic_of_call(op: Op, call: Call, trace: Trace) -> Arithmetic:
    """What ``op``, one of the ops of ``trace``, is computed from in one ``call`` for one image.

    Raises:
        CnnvizError: the op is of another kind.
    """
    if call.function == "linear" and call.arguments["input"].dim() == 2:
        return _linear(op, call, trace)
    if call.function in _CONVOLUTIONS:
        return _convolution(op, call)
    name, dimensions = call.function[:-2].removeprefix("adaptive_"), call.function[-2:]
    if name in _MODES and dimensions in ("1d", "2d"):
        return _pooling(op, call)
    raise unsupported(op)


def _convolution(op: Op, call: Call) -> Arithmetic:
    given, flat = call.arguments, call.function.endswith("1d")
    x, weight, output = (_image(tensor, flat) for tensor in (given["input"], given["weight"], call.output))
    groups = int(given.get("groups", 1))
    kernel = weight.shape[2:]
    stride, dilation = _pair(given.get("stride", 1), flat, 1), _pair(given.get("dilation", 1), flat, 1)
    padding = _padding(given.get("padding", 0), flat, kernel, dilation)
    windows: Callable[..., Places] = sliding
    if call.function.startswith("conv_transpose"):
        windows = transposed
        # (in, out / groups, kh, kw) -> (out, in / groups, kh, kw)
        weight = np.concatenate([part.transpose(1, 0, 2, 3) for part in np.split(weight, groups)])
    rows, columns = _along_both(
        windows, output, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation
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
    windows = partial(sliding, ends=True)
    return _along_both(windows, output, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)


def _along_both(
    windows: Callable[..., Places], output: Values, x: Values, **sizes: Sequence[int]
) -> tuple[Places, Places]:
    """The windows along the rows and along the columns: ``sizes`` are pairs, the arrays end in height and width."""
    rows, columns = (
        windows(output.shape[axis], x.shape[axis], **{name: pair[axis] for name, pair in sizes.items()})
        for axis in (-2, -1)
    )
    return rows, columns


def _linear(op: Op, call: Call, trace: Trace) -> Arithmetic:
    x, weight = _numpy(call.arguments["input"]), _numpy(call.arguments["weight"])
    shape = maps_into(op, trace) or (x.shape[1], 1, 1)
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


def unsupported(op: Op) -> CnnvizError:
    """What there is to say of a layer that is not taken apart."""
    return CnnvizError(
        Message(
            "Cannot show the calculation of {name} ({type}); choose a convolution, pooling or linear "
            "layer that works on images or vectors.",
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
    """(A, B, H, W); an operation along one dimension gets a height of 1."""
    values = _numpy(tensor)
    return np.expand_dims(values, -2) if flat else values


def _pair(value: Any, flat: bool, height: int) -> tuple[int, int]:
    """A size for rows and for columns; for an operation along one dimension the rows get ``height``."""
    sizes = (value,) if isinstance(value, int) else tuple(value)
    if flat:
        return height, int(sizes[0])
    return int(sizes[0]), int(sizes[-1])


def _padding(value: Any, flat: bool, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, int]:
    """The padding before the input, in cells."""
    if isinstance(value, str):
        (above, _), (left, _) = map(same_padding, kernel, dilation) if value == "same" else ((0, 0), (0, 0))
        return above, left
    return _pair(value, flat, 0)


MOST_BYTES = 900_000
"""Of what the browser gets to take apart any output value of a layer by itself.

If not all input channels of a layer fit, the strongest are sent; the others follow for the value that a person
stops at (:func:`others`).
"""
MOST_CHANNELS = 4096
MOST_OTHERS = 24

_NUMBER = 4  # bytes of a float32


class Payload:
    """JSON and float32 arrays packed into one sequence of bytes.

    Four bytes (little endian) hold the length of the JSON; then come the JSON, spaces up to a multiple of four, and
    all numbers. ``arrays`` in the JSON gives the start and the shape of each array.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, Values] = {}

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Add an array of any shape; it is stored as float32."""
        self._arrays[name] = np.ascontiguousarray(values, np.float32)

    def pack(self, facts: Mapping[str, Any]) -> bytes:
        """The ``facts`` and all arrays as bytes."""
        places, start = {}, 0
        for name, values in self._arrays.items():
            places[name] = {"start": start, "shape": values.shape}
            start += values.size
        text = json.dumps({**facts, "arrays": places}, ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % _NUMBER)
        return b"".join(
            [len(text).to_bytes(_NUMBER, "little"), text, *(v.tobytes() for v in self._arrays.values())]
        )


def describe(
    layer: Arithmetic, channel: int, payload: Payload, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """The facts about the output ``channel`` of a layer; its arrays go into ``payload``.

    ``output``: (rows, columns), or all N values if the layer gives a vector. ``x``: (K, H, W), the input
    channels that are sent; ``channels`` says which. ``weights``: (M, K, kh, kw), of the ``outputs`` that are
    sent: all if the layer gives a vector and they fit, else the one ``channel``. ``biases``: (M,).
    """
    vector = layer.mode == "sum" and layer.output.shape[1:] == (1, 1) and layer.groups == 1
    output = layer.output[:, 0, 0] if vector else layer.output[channel]
    room = most_bytes - output.size * _NUMBER
    sent = _strongest(layer, channel, room)
    outputs = [channel]
    if vector and len(sent) == len(layer.x):
        sent.sort()  # the same for each output
        if layer.x.size * _NUMBER + _weight_bytes(layer) <= room:
            outputs = list(range(len(layer.output)))
    payload.add("output", output)
    payload.add("x", layer.x[sent])
    if layer.weight is not None and layer.bias is not None:
        first = layer.sources(channel).start
        payload.add("weights", layer.weight[outputs][:, [place - first for place in sent]])
        payload.add("biases", layer.bias[outputs])
    return {
        "mode": layer.mode,
        "input": layer.x.shape,
        "total": len(layer.output),
        "channel": channel,
        "vector": vector,
        "rows": layer.rows.tolist(),
        "columns": layer.columns.tolist(),
        "channels": sent,
        "sources": len(layer.sources(channel)),
        "outputs": outputs,
        "divisor": layer.divisor,
        "count_padding": layer.count_padding,
    }


def others(
    layer: Arithmetic, channel: int, place: tuple[int, int], payload: Payload, sent: list[int]
) -> dict[str, Any]:
    """What the channels that were not ``sent`` add at one position; their arrays go into ``payload``.

    ``other_sums``: (m,) of the strongest ``channels``, the largest first; ``other_patches`` and ``other_kernels``:
    (m, kh, kw) of the same. ``count`` and ``sum`` are of all the channels that were not sent.
    """
    found = pixel(layer, channel, *place)
    missing = np.flatnonzero(~np.isin(found.channels, sent))
    order = missing[np.argsort(-np.abs(found.sums[missing]), kind="stable")]
    first = order[:MOST_OTHERS]
    assert layer.weight is not None
    payload.add("other_sums", found.sums[first])
    payload.add("other_patches", found.values[first])
    payload.add("other_kernels", layer.weight[channel][first])
    return {
        "row": place[0],
        "column": place[1],
        "channels": found.channels[first].tolist(),
        "count": len(order),
        "sum": float(found.sums[order].sum()),
    }


def _strongest(layer: Arithmetic, channel: int, room: int) -> list[int]:
    """The input channels that fit, ordered by how much they add to the output on average."""
    sources = layer.sources(channel)
    if layer.weight is None:
        return list(sources)
    height, width = layer.x.shape[1:]
    one = (height * width + layer.rows.shape[1] * layer.columns.shape[1]) * _NUMBER
    strength = np.abs(partial_sums(layer, channel)).mean(axis=(1, 2))
    order = np.argsort(-strength, kind="stable")[: max(1, min(room // one, MOST_CHANNELS))]
    return [int(place) + sources.start for place in order]


def _weight_bytes(layer: Arithmetic) -> int:
    return 0 if layer.weight is None else (layer.weight.size + len(layer.weight)) * _NUMBER
