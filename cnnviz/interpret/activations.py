"""Feature maps: the output of every op of a network for one image, and statistics of their values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """``values``, float32 and of shape ``op.output_shape``: what ``op`` returned for one image."""

    op: Op
    values: NDArray[np.float32]

    @cached_property  # pages ask repeatedly, and a large network has 115 MB of values
    def limit(self) -> float:
        """The largest absolute value: the end of a colour scale centred on zero."""
        return float(np.abs(self.values).max()) if self.values.size else 0.0

    @cached_property
    def zeros(self) -> float:
        """The fraction (0..1) of values that are exactly zero: what a ReLU has switched off."""
        return float((self.values == 0).mean()) if self.values.size else 0.0


def feature_maps(model: nn.Module, x: Tensor, trace: Trace) -> tuple[FeatureMaps, ...]:
    """The output of every op for one image, in order of execution.

    Args:
        model: in eval mode; it is only called, and may be shared between threads.
        x: (1, *trace.input_shape) float32, normalised.
        trace: the trace of the same model.

    Raises:
        ValueError: ``x`` is not one image.
        CnnvizError: the pass differs from the trace.
    """
    if len(x) != 1:
        raise ValueError(f"x holds {len(x)} images; feature maps are of one")
    outputs = capture(model, x, trace)
    return tuple(
        FeatureMaps(op, output[0].numpy().astype(np.float32))
        for op, output in zip(trace.ops, outputs, strict=True)
    )


Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MapStatistics:
    """One number for each map, (maps,): its ``mean``, standard ``deviation``, smallest and largest value.

    ``zeros`` is the fraction (0..1) of its values that are exactly zero.
    """

    mean: Values
    deviation: Values
    low: Values
    high: Values
    zeros: Values

    @property
    def dead(self) -> NDArray[np.bool_]:
        """The maps that are zero everywhere: their filters find nothing in this image."""
        return np.asarray(self.zeros == 1)


def statistics(values: Values) -> MapStatistics:
    """The statistics of every map of ``values`` (maps, ...); in a vector (N,) each value counts as a map."""
    rows = values.reshape(len(values), -1)
    return MapStatistics(
        mean=rows.mean(axis=1),
        deviation=rows.std(axis=1),
        low=rows.min(axis=1),
        high=rows.max(axis=1),
        zeros=(rows == 0).mean(axis=1, dtype=np.float32),
    )


def around_activation(trace: Trace, op: Op) -> tuple[Op, Op] | None:
    """The op before an activation and the activation itself, if ``op`` is one of the two; else None."""
    if op.kind == "activation":
        before = op.inputs[0] if op.inputs else MODEL_INPUT
        return None if before == MODEL_INPUT else (trace.ops[before], op)
    after = next(
        (other for other in trace.ops if other.kind == "activation" and other.inputs == (op.index,)), None
    )
    return None if after is None else (op, after)
