"""What the values of a feature map amount to, and which op its activation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.tracing.trace import Trace

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MapStatistics:
    """One number for each map, (maps,): its ``mean``, ``deviation``, smallest and largest value.

    ``zeros`` is the part (0..1) of its values that are exactly zero.
    """

    mean: Values
    deviation: Values
    low: Values
    high: Values
    zeros: Values

    @property
    def dead(self) -> NDArray[np.bool_]:
        """The maps that are zero everywhere: for this image their filters find nothing."""
        return np.asarray(self.zeros == 1)


def statistics(values: Values) -> MapStatistics:
    """The statistics of every map of ``values`` (maps, ...); of a vector (N,) each value is a map."""
    rows = values.reshape(len(values), -1)
    return MapStatistics(
        mean=rows.mean(axis=1),
        deviation=rows.std(axis=1),
        low=rows.min(axis=1),
        high=rows.max(axis=1),
        zeros=(rows == 0).mean(axis=1, dtype=np.float32),
    )


def around_activation(trace: Trace, op: Op) -> tuple[Op, Op] | None:
    """The op before an activation and the activation itself, where ``op`` is one of the two; else None."""
    if op.kind == "activation":
        before = op.inputs[0] if op.inputs else MODEL_INPUT
        return None if before == MODEL_INPUT else (trace.ops[before], op)
    after = next(
        (other for other in trace.ops if other.kind == "activation" and other.inputs == (op.index,)), None
    )
    return None if after is None else (op, after)
