"""How deep a network is, counted as papers count: layers on the longest way from the input to the output."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True, order=True)
class Depth:
    """Layers along one way: ``weighted`` are convolutions and linear layers, ``pooling`` comes on top.

    Normalisations have parameters too, but nobody counts them: ResNet-18 has 17 convolutions and a Linear.
    """

    weighted: int = 0
    pooling: int = 0

    @property
    def total(self) -> int:
        """Weighted layers and poolings together: Szegedy et al. 2015 count GoogLeNet's 22 and 27 so."""
        return self.weighted + self.pooling


def _counts(op: Op) -> bool:
    """Whether ``op`` is a layer with weights; the product of two tensors, as in attention, is none."""
    return op.kind == "convolution" or (op.kind == "linear" and (op.module is not None or op.params > 0))


def depth(trace: Trace) -> Depth:
    """The layers on the way through ``trace`` that has most weighted ones, and among these most poolings."""
    longest = {MODEL_INPUT: Depth()}
    for op in trace.ops:
        before = max((longest[source] for source in op.inputs), default=Depth())
        longest[op.index] = Depth(before.weighted + _counts(op), before.pooling + (op.kind == "pooling"))
    return max(longest.values())
