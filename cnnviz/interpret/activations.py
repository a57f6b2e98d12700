"""Feature maps: every op's output for one image, its statistics, and the images that activate a map most strongly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnviz.interpret.inputs import Preparing
from cnnviz.operations.op import MODEL_INPUT, Op, product
from cnnviz.tracing.capture import capture, output_of
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
        FeatureMaps(op, output[0].to(torch.float32, copy=True).numpy())
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


TOP = 9
"""The number of images kept for each map."""

MOST_IMAGES = 10_000
COUNTS = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, MOST_IMAGES)
_MACS = 1e11  # multiply-adds that take about ten seconds on one core
_MACS_PER_PIXEL = 400  # the cost of preparing an image, in multiply-adds per pixel of the input
_BATCH_VALUES = 8_000_000  # in all ops together, for one batch


@dataclass(frozen=True, eq=False)
class TopActivations:
    """The images that activate each map of an op most strongly, strongest first (Zeiler and Fergus 2014, figure 2).

    ``values`` (maps, top) float32 are the maps' largest values on an image, ``images`` (maps, top) the
    images' numbers, counted from 0 among the ``seen`` ones, and ``rows`` and ``columns`` (maps, top) the positions.
    ``active`` (maps,) counts the images on which a map is positive anywhere.
    """

    seen: int
    values: NDArray[np.float32]
    images: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    active: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (self.values, self.images, self.rows, self.columns, self.active)
        return sum(array.nbytes for array in arrays)


def usual_count(trace: Trace, op: Op, available: int) -> int:
    """The default number of images to search: fewer for larger networks."""
    macs = sum(before.macs for before in trace.ops[: op.index + 1])
    macs += _MACS_PER_PIXEL * product(trace.input_shape)
    affordable = [count for count in COUNTS if count * macs <= _MACS] or [COUNTS[0]]
    return min(max(affordable), available)


def batch_size(trace: Trace) -> int:
    """How many images go through the network at a time, to keep memory small."""
    values = sum(product(op.output_shape) for op in trace.ops)
    return max(1, min(256, _BATCH_VALUES // max(1, values)))


def spread(count: int, available: int) -> NDArray[np.int64]:
    """The indices of ``count`` images, spread evenly over the ``available`` ones."""
    return np.linspace(0, available, count, endpoint=False).astype(np.int64)


def top_activations(
    model: nn.Module,
    trace: Trace,
    op: Op,
    batches: Iterable[Tensor],
    images: int,
    progress: Callable[[float], None] | None = None,
) -> TopActivations:
    """Search ``images`` images for those that activate each map of ``op`` most strongly.

    Args:
        model: in eval mode; it is only called.
        trace: the model's own trace.
        op: one of its ops.
        batches: the network's inputs, (B, *trace.input_shape) float32 each.
        images: the number of images in all batches together.
        progress: called with 0..1 after each batch; an exception that it raises ends the work.

    Raises:
        CnnvizError: the pass differs from the trace.
    """
    best: _Best | None = None
    seen = 0
    for x in batches:
        output = output_of(model, x, trace, op)
        maps = output.reshape(*output.shape[:2], -1) if output.dim() > 1 else output[:, None, None]
        best = best or _Best(maps.shape[1])
        best.add(maps, seen)
        seen += len(x)
        if progress is not None:
            progress(seen / images)
    assert best is not None
    width = op.output_shape[-1] if len(op.output_shape) == 3 else 1
    return TopActivations(
        seen,
        best.values.T.numpy().copy(),
        best.images.T.numpy().copy(),
        (best.places // width).T.numpy().copy(),
        (best.places % width).T.numpy().copy(),
        best.active.numpy(),
    )


def top_activations_among(
    model: nn.Module,
    trace: Trace,
    op: Op,
    preparing: Preparing,
    images: Tensor,
    progress: Callable[[float], None] | None = None,
) -> TopActivations:
    """:func:`top_activations` among ``images`` (B, C, H, W) uint8, prepared batch by batch."""
    size = batch_size(trace)
    batches = (preparing.batch(images[start : start + size]) for start in range(0, len(images), size))
    return top_activations(model, trace, op, batches, len(images), progress)


class _Best:
    """The largest values so far, (top, maps), with their images and positions."""

    def __init__(self, maps: int) -> None:
        self.values = torch.empty(0, maps)
        self.images = torch.empty(0, maps, dtype=torch.int64)
        self.places = torch.empty(0, maps, dtype=torch.int64)
        self.active = torch.zeros(maps, dtype=torch.int64)

    def add(self, maps: Tensor, first: int) -> None:
        """maps: (B, maps, positions), of images numbered from ``first``."""
        values, places = maps.max(dim=2)
        numbers = torch.arange(first, first + len(maps))[:, None].expand_as(values)
        self.active += (values > 0).sum(dim=0)
        self.values, order = torch.cat([self.values, values]).sort(dim=0, descending=True, stable=True)
        order = order[:TOP]
        self.values = self.values[:TOP]
        self.images = torch.cat([self.images, numbers]).gather(0, order)
        self.places = torch.cat([self.places, places]).gather(0, order)
