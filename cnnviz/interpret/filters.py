"""The weights of a network's layers: as pictures, their order, and their distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product
from cnnviz.operations.operation import operation_of
from cnnviz.tracing.trace import Trace

Values = NDArray[np.float32]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_PASSING = ("dropout", "activation", "normalisation")
"""Kinds of ops after which every value is still in its place."""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of the layer of ``op``, read-only, in the network's own memory.

    ``values``: (out, in, h, w) float32, a picture of h x w for each output and input channel. For a Linear that
    reads flattened maps the pictures have the maps' size, for the first one of an MLP the image's; for any other
    Linear they are 1 x 1. ``bias``: (out,), None if there is none.
    """

    op: Op
    values: Values
    bias: Values | None

    @property
    def name(self) -> str:
        """The layer's path in the network."""
        return self.op.name

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(out, in, h, w)."""
        out, channels, height, width = self.values.shape
        return out, channels, height, width

    @property
    def limit(self) -> float:
        """The largest absolute weight: the end of a colour scale centred on zero."""
        return float(max(self.values.max(), -self.values.min()))


def layer_weights(model: nn.Module, trace: Trace) -> tuple[LayerWeights, ...]:
    """The convolutions and Linears that ``model`` executes, each once, in order of execution.

    Nothing is copied: the arrays are the model's own memory, made read-only; of weights in another type than float32
    they are copies.

    Raises:
        CnnvizError: the network has no such layer.
    """
    found = tuple(
        _of_layer(op, layer, trace)
        for op in trace.ops
        if op.module is not None
        and not op.reused
        and isinstance(layer := model.get_submodule(op.module), _LAYERS)
    )
    if not found:
        raise CnnvizError(
            Message("{model} has no convolution or Linear whose weights could be shown.", model=trace.model)
        )
    return found


def _of_layer(op: Op, layer: nn.Module, trace: Trace) -> LayerWeights:
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    weight = weight.detach()
    if isinstance(layer, nn.Linear):
        maps = maps_into(op, trace) or (weight.shape[1], 1, 1)
        weight = weight.view(len(weight), *maps)
    elif isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)  # here PyTorch puts the input channels first
    elif isinstance(layer, nn.Conv1d):
        weight = weight.unsqueeze(2)
    return LayerWeights(op, _readable(weight), _readable(bias.detach()) if isinstance(bias, Tensor) else None)


def _readable(tensor: Tensor) -> Values:
    array: Values = tensor.cpu().float().numpy().view()
    array.flags.writeable = False
    return array


def maps_into(op: Op, trace: Trace) -> tuple[int, int, int] | None:
    """The maps (C, H, W) whose flattened values a Linear reads; None if it reads no such values."""
    wanted = op.input_shapes[0][-1:]
    index = op.inputs[0] if op.inputs else None
    while index is not None and index != MODEL_INPUT:
        before = trace.ops[index]
        if operation_of(before).reorders:
            return None
        if (maps := _as_maps(before.output_shape, wanted)) is not None:
            return maps
        keeps = before.kind in _PASSING or operation_of(before).keeps_order
        index = before.inputs[0] if keeps and before.inputs else None
    return None if index is None else _as_maps(trace.input_shape, wanted)


def _as_maps(shape: Shape, wanted: Shape) -> tuple[int, int, int] | None:
    if len(shape) != 3 or (product(shape),) != wanted:
        return None
    channels, height, width = shape
    return channels, height, width


Order = NDArray[np.intp]

MOST_COMPARED = 1024
"""More filters than this are not compared with each other: there would be too many pairs."""

_MOST_VALUES = 4_608  # of a filter: 512 channels of 3 x 3


def norms(values: Values) -> Values:
    """The Euclidean norm of each of ``values`` (N, ...), (N,): a filter's strongest response to a patch of norm 1."""
    rows = values.reshape(len(values), -1)
    found: Values = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return found


def order(values: Values, by: str) -> Order:
    """The indices of ``values`` (N, ...) in the order ``by``: ``channel``, ``norm`` or ``similarity``.

    ``norm`` begins with the largest. So does ``similarity``, which continues with the one most similar to the
    last; for more than :data:`MOST_COMPARED` it is ``norm``.
    """
    if by == "norm" or (by == "similarity" and len(values) > MOST_COMPARED):
        return np.argsort(-norms(values), kind="stable")
    return _alike(values) if by == "similarity" else np.arange(len(values))


def _alike(values: Values) -> Order:
    """From the strongest to its nearest unvisited neighbour, and so on, by cosine similarity."""
    rows = values.reshape(len(values), -1)
    lengths = norms(values)
    rows = rows[:, :: max(1, -(-rows.shape[1] // _MOST_VALUES))]
    scale = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    directions = np.divide(rows, scale, out=np.zeros_like(rows), where=scale > 0)
    likeness = directions @ directions.T
    walk = [int(lengths.argmax())] if len(rows) else []
    free = np.ones(len(rows), bool)
    while len(walk) < len(rows):
        free[walk[-1]] = False
        walk.append(int(np.where(free, likeness[walk[-1]], -np.inf).argmax()))
    return np.asarray(walk, dtype=np.intp)


BINS = 61  # odd, so that one bin is centred on zero
MOST_COUNTED = 1_000_000
"""Of more weights than this only every second, third, ... is counted; the histogram looks the same."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """``counts`` (bins,) of the values between ``edges`` (bins + 1,), which are symmetric around zero.

    ``mean``, standard ``deviation``, ``low`` and ``high`` are of all ``size`` values; only one in ``every`` values
    is
    counted.
    """

    size: int
    every: int
    mean: float
    deviation: float
    low: float
    high: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def distribution(values: NDArray[np.float32], limit: float | None = None) -> Distribution:
    """The distribution of ``values`` of any shape, from ``-limit`` to ``limit`` (by default the largest absolute
    value).
    """
    low, high = float(values.min()), float(values.max())
    flat = values.reshape(-1)
    mean = float(np.einsum("i->", flat, dtype=np.float64) / flat.size)
    square = float(np.einsum("i,i->", flat, flat, dtype=np.float64)) / flat.size
    every = -(-flat.size // MOST_COUNTED)
    end = max(abs(low), abs(high)) if limit is None else limit
    counts, edges = np.histogram(flat[::every], BINS, (-(end or 1.0), end or 1.0))
    return Distribution(flat.size, every, mean, max(square - mean**2, 0.0) ** 0.5, low, high, counts, edges)
