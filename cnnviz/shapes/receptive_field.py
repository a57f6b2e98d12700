"""Receptive fields: which part of the input one value of an op depends on.

After Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"
(Distill), for networks with branches too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from cnnviz.shapes.op import MODEL_INPUT, Op, Shape
from cnnviz.shapes.rules.growing import pad_amounts
from cnnviz.shapes.trace import Trace

Pair = tuple[int, int]


@dataclass(frozen=True)
class ReceptiveField:
    """For height and width: the ``size`` of the patch of the input that one value depends on, in pixels.

    ``jump`` is how far the patch moves from one value to its neighbour, ``start`` where the patch of
    the first value begins (negative where it reaches into the padding). ``whole`` says that every
    value depends on all that arrived, as after a Linear; then ``jump`` is 0. ``aligned`` is False
    where branches meet whose patches for one value do not share a centre.
    """

    size: Pair
    jump: Pair
    start: Pair
    whole: bool = False
    aligned: bool = True

    def patch(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the patch of the value at ``row``, ``column``, in pixels."""
        top = self.start[0] + row * self.jump[0]
        left = self.start[1] + column * self.jump[1]
        return top, left, self.size[0], self.size[1]


def receptive_fields(trace: Trace) -> tuple[ReceptiveField, ...]:
    """The receptive field of every op of ``trace``, by index."""
    height, width = trace.input_shape[-2:] if len(trace.input_shape) >= 2 else (1, trace.input_shape[-1])
    fields: list[ReceptiveField] = []
    extents: list[Pair] = []  # how many values there are along each side, kept through a flatten
    start = ReceptiveField((1, 1), (1, 1), (0, 0))
    for op in trace.ops:
        sources = [
            (start, (height, width)) if i == MODEL_INPUT else (fields[i], extents[i]) for i in op.inputs
        ]
        if not sources:  # made from parameters alone: it depends on no pixel
            sources = [(ReceptiveField((0, 0), (0, 0), (0, 0)), (1, 1))]
        field, extent = _merged(sources)
        fields.append(_through(op, field, extent))
        extents.append(op.output_shape[-2:] if len(op.output_shape) == 3 else extent)
    return tuple(fields)


def _through(op: Op, field: ReceptiveField, extent: Pair) -> ReceptiveField:
    arguments = op.arguments
    if field.whole:
        return field
    if op.kind == "linear" or (
        op.kind == "reshape" and len(op.output_shape) != 3 and op.type not in _KEEPS_VALUES
    ):
        return _whole(field, extent)
    if "output_size" in arguments:
        return _adaptive(field, extent, cast(Pair, op.output_shape[-2:]))
    if "kernel_size" in arguments and "transpose" not in op.type.lower():
        return _window(op, field)
    padding = pad_amounts(op)
    if padding is not None and len(op.output_shape) == 3:
        return _padded(field, padding)
    if (len(op.output_shape) == 3 and op.output_shape[-2:] == extent) or op.type in _KEEPS_VALUES:
        return field
    return _whole(field, extent)


_KEEPS_VALUES = frozenset({"Flatten", "flatten", "Dropout"})
"""Ops after which each value is still a single value of before, wherever it stands now."""


def _window(op: Op, field: ReceptiveField) -> ReceptiveField:
    kernel, stride, dilation = (_pair(op.arguments[name]) for name in ("kernel_size", "stride", "dilation"))
    spans = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    padding = op.arguments["padding"]
    left = (
        tuple(span // 2 for span in spans)
        if padding == "same"
        else _pair(padding if padding != "valid" else 0)
    )
    return ReceptiveField(
        size=cast(Pair, tuple(r + s * j for r, s, j in zip(field.size, spans, field.jump, strict=True))),
        jump=cast(Pair, tuple(j * s for j, s in zip(field.jump, stride, strict=True))),
        start=cast(Pair, tuple(b - p * j for b, p, j in zip(field.start, left, field.jump, strict=True))),
        aligned=field.aligned,
    )


def _padded(field: ReceptiveField, amounts: Sequence[int]) -> ReceptiveField:
    """Around the map lies padding: the first value sees what lies as far before the first pixel."""
    before = (amounts[2] if len(amounts) > 2 else 0, amounts[0])  # of rows, of columns
    start = tuple(b - p * j for b, p, j in zip(field.start, before, field.jump, strict=True))
    return replace(field, start=cast(Pair, start))


def _adaptive(field: ReceptiveField, extent: Pair, wanted: Pair) -> ReceptiveField:
    """Windows of an adaptive pooling: value i of n covers floor(i m / n) to ceil((i + 1) m / n) of m."""
    if wanted == (1, 1):
        return _whole(field, extent)
    kernel = tuple(-(-m // n) for m, n in zip(extent, wanted, strict=True))
    stride = tuple(m // n for m, n in zip(extent, wanted, strict=True))
    return ReceptiveField(
        size=cast(
            Pair, tuple(r + (k - 1) * j for r, k, j in zip(field.size, kernel, field.jump, strict=True))
        ),
        jump=cast(Pair, tuple(j * s for j, s in zip(field.jump, stride, strict=True))),
        start=field.start,
        aligned=field.aligned and all(m % n == 0 for m, n in zip(extent, wanted, strict=True)),
    )


def _whole(field: ReceptiveField, extent: Pair) -> ReceptiveField:
    size = tuple((n - 1) * j + r for n, j, r in zip(extent, field.jump, field.size, strict=True))
    return ReceptiveField(cast(Pair, size), (0, 0), field.start, whole=True, aligned=field.aligned)


def _merged(sources: Sequence[tuple[ReceptiveField, Pair]]) -> tuple[ReceptiveField, Pair]:
    """What several inputs together depend on: from the first pixel of any to the last of any."""
    fields = [field for field, _ in sources]
    extent = max(extent for _, extent in sources)
    if len(fields) == 1:
        return fields[0], extent
    wholes = [field for field in fields if field.whole]
    fields = [_whole(*source) if wholes and not source[0].whole else source[0] for source in sources]
    lattices = {(field.jump, _centre(field)) for field in fields}
    start = tuple(min(field.start[axis] for field in fields) for axis in (0, 1))
    end = tuple(max(field.start[axis] + field.size[axis] for field in fields) for axis in (0, 1))
    size = tuple(e - s for s, e in zip(start, end, strict=True))
    jump = cast(Pair, tuple(max(field.jump[axis] for field in fields) for axis in (0, 1)))
    aligned = len(lattices) == 1 and all(field.aligned for field in fields)
    return ReceptiveField(cast(Pair, size), jump, cast(Pair, start), bool(wholes), aligned), extent


def _centre(field: ReceptiveField) -> Pair:
    """Twice the centre of the first patch: a whole number."""
    return cast(Pair, tuple(2 * start + size for start, size in zip(field.start, field.size, strict=True)))


def _pair(value: object) -> Pair:
    sizes: Shape = value if isinstance(value, tuple) else (cast(int, value),) * 2
    return sizes if len(sizes) == 2 else (1, sizes[0])
