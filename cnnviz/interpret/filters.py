"""The filters of a network's first convolution: the only ones that look at pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.shapes.trace import Trace


@dataclass(frozen=True, eq=False)
class Filters:
    """``weights`` (out, in, kh, kw) float32 of the convolution ``name`` (``conv1``)."""

    name: str
    weights: NDArray[np.float32]

    @property
    def limit(self) -> float:
        """The largest absolute weight: the end of a colour scale with zero in its middle."""
        return float(np.abs(self.weights).max())

    @property
    def mean(self) -> float:
        """The mean of all weights."""
        return float(self.weights.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of all weights."""
        return float(self.weights.std())

    @property
    def norms(self) -> NDArray[np.float32]:
        """The Euclidean norm of each filter, (out,): how strongly it can answer to a patch of norm 1."""
        norms: NDArray[np.float32] = np.sqrt(np.square(self.weights).sum(axis=(1, 2, 3)))
        return norms


def first_filters(model: nn.Module, trace: Trace) -> Filters:
    """The weights of the first convolution that ``model`` executes, copied; the model is only read.

    Raises:
        CnnvizError: the network has no convolution over images.
    """
    for op in trace.ops:
        layer = model.get_submodule(op.module) if op.module and op.kind == "convolution" else None
        if isinstance(layer, nn.Conv2d):
            return Filters(op.name, layer.weight.detach().cpu().numpy().copy())
    raise CnnvizError(Message("{model} has no convolution whose filters could be shown.", model=trace.model))
