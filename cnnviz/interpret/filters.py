"""The weights of a network's layers as pictures: one for each output and input channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product
from cnnviz.tracing.trace import Trace

Values = NDArray[np.float32]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_KEEPS_PLACES = frozenset({"Flatten", "flatten", "view", "reshape", "unsqueeze", "squeeze"})
_MOVES_CHANNELS = frozenset({"permute", "transpose", "movedim", "moveaxis", "swapaxes", "Permute"})


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of the layer behind ``op``, as the network holds them: they can be read, not written.

    ``values``: (out, in, h, w) float32, a picture of h x w for each output and input channel. A Linear that
    reads flattened maps has pictures of the maps' size, the first one of an MLP pictures of the image's;
    any other Linear has 1 x 1. ``bias``: (out,), None where there is none.
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
        """The largest absolute weight: the end of a colour scale with zero in its middle."""
        return float(max(self.values.max(), -self.values.min()))


def layer_weights(model: nn.Module, trace: Trace) -> tuple[LayerWeights, ...]:
    """The convolutions and Linears that ``model`` executes, each once, in order of execution.

    Nothing is copied: the arrays are the model's own memory, protected against writing.

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
        maps = _arriving_maps(op, trace) or (weight.shape[1], 1, 1)
        weight = weight.view(len(weight), *maps)
    elif isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)  # PyTorch keeps the input channels of these first
    elif isinstance(layer, nn.Conv1d):
        weight = weight.unsqueeze(2)
    return LayerWeights(op, _readable(weight), _readable(bias.detach()) if isinstance(bias, Tensor) else None)


def _readable(tensor: Tensor) -> Values:
    array: Values = tensor.cpu().numpy().view()
    array.flags.writeable = False
    return array


def _arriving_maps(op: Op, trace: Trace) -> tuple[int, int, int] | None:
    """The maps (C, H, W) whose flattened values a Linear reads; None where it reads no such values."""
    wanted = op.input_shapes[0][-1:]
    index = op.inputs[0] if op.inputs else None
    while index is not None and index != MODEL_INPUT:
        before = trace.ops[index]
        if before.type in _MOVES_CHANNELS:
            return None
        if (maps := _as_maps(before.output_shape, wanted)) is not None:
            return maps
        keeps = before.kind in ("dropout", "activation", "normalisation") or before.type in _KEEPS_PLACES
        index = before.inputs[0] if keeps and before.inputs else None
    return None if index is None else _as_maps(trace.input_shape, wanted)


def _as_maps(shape: Shape, wanted: Shape) -> tuple[int, int, int] | None:
    if len(shape) != 3 or (product(shape),) != wanted:
        return None
    channels, height, width = shape
    return channels, height, width
