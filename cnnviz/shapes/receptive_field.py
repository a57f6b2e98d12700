"""Receptive fields: which part of the input one value of an op depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import overload

import numpy as np

from cnnviz.operations.batch_axis import FRONT, Layout
from cnnviz.operations.op import MODEL_INPUT, Op, Shape
from cnnviz.operations.operation import operation_of
from cnnviz.operations.reach import Bounds, Call, Lattice, Reach, bounded, of_constant, of_input
from cnnviz.tracing.trace import Trace

Box = tuple[tuple[int, int], ...]
"""For each side of the input the first pixel of a patch, and how many pixels it has."""


@dataclass(frozen=True)
class ReceptiveField:
    """For each side of the input (height and width of an image) what one value of an op depends on, in pixels.

    ``size`` is that of the patch, ``jump`` how far it moves from one value to its neighbour, ``start`` where the
    patch of the first value begins (negative where it reaches into the padding). Where patches have different
    sizes or steps, as behind an enlarged map, the field is not ``regular``: ``size`` is the largest there is, and
    ``jump`` is 0. ``jump`` is 0, too, where all values have the same patch; where this is all of the input, the
    field is ``whole``. ``aligned`` is False where branches meet whose patches for one value do not share a
    centre. Where ``known`` is False nothing is known but that no value depends on more than this patch.
    """

    size: Shape
    jump: Shape
    start: Shape
    whole: bool = False
    aligned: bool = True
    known: bool = True
    regular: bool = True
    alike: bool = True
    """Whether all channels at a place have the same patch; otherwise this one is around those of all."""
    grid: Shape = ()
    """How many places there are along each dimension that runs along places, channels left out."""
    places: Shape = ()
    """Which entries of an index into the op's output these places are."""
    image: Shape = ()
    """The sides of the input."""
    _bounds: tuple[Bounds, ...] = field(default=(), repr=False, compare=False)
    _lattices: tuple[Lattice | None, ...] = field(default=(), repr=False, compare=False)

    @property
    def nothing(self) -> bool:
        """Whether the op depends on no pixel at all, as parameters do."""
        return not any(self.size)

    @property
    def same(self) -> bool:
        """Whether all values have one and the same patch."""
        return self.regular and not any(self.jump)

    def at(self, *place: int) -> Box:
        """The patch of the value at ``place``, an index into ``grid``; all channels there together.

        It contains every pixel that the value depends on, and no smaller one does, unless the field is not
        ``known``. What lies outside of the input is padding.
        """
        return tuple(self._along(side, place) for side in range(len(self.size)))

    def of(self, index: Sequence[int]) -> Box:
        """The patch of the value at ``index`` of the op's output for one image, of all channels there together."""
        return self.at(*(index[entry] for entry in self.places))

    def patch(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the patch of the value at ``row``, ``column`` of a map, in pixels.

        Of a sequence ``column`` is the place; of a vector from which places are gone both are of no account.
        """
        place = (*(0,) * (len(self.grid) - 2), row, column)[max(0, 2 - len(self.grid)) :]
        (top, height), (left, width) = ((0, 1), *self.at(*place))[-2:]
        return top, left, height, width

    @property
    def middle(self) -> tuple[int, ...]:
        """The place in the middle of ``grid``."""
        return tuple(count // 2 for count in self.grid)

    def _along(self, side: int, place: Sequence[int]) -> tuple[int, int]:
        bounds, lattice = self._bounds[side], self._lattices[side]
        index = tuple(0 if size == 1 else at for size, at in zip(bounds.shape[:-1], place, strict=True))
        first, end = -int(bounds[(*index, 0)]), int(bounds[(*index, 1)])
        if first > end:  # it depends on no pixel
            return 0, 0
        if lattice is not None:
            start = lattice.start + (0 if lattice.dim is None else place[lattice.dim] * lattice.jump)
            # A patch reaches into the padding where nothing of the image is claimed by that.
            first = start if max(start, 0) == first else first
            stop = start + lattice.size
            end = stop if min(stop, self.image[side]) == end else end
        return first, end - first


def field_of(reach: Reach, image: Shape, layout: Layout = FRONT) -> ReceptiveField:
    """What is told of ``reach``, the tensor's with this ``layout``, for an input whose sides are ``image``."""
    dims = sorted(reach.places)
    others = tuple(dim for dim in range(len(reach.shape)) if dim not in reach.places)
    bounds = tuple(box.max(axis=others) if others else box for box in reach.bounds)
    grid = tuple(reach.shape[dim] for dim in dims)
    lattices = tuple(
        _placed(lattice, dims) or _fitted(box) for lattice, box in zip(reach.lattices, bounds, strict=True)
    )
    found = [
        _told(box, lattice, side, grid) for box, lattice, side in zip(bounds, lattices, image, strict=True)
    ]
    regular = all(told.regular for told in found)
    same = all(told.jump == 0 for told in found) and regular
    real = [_hull(box) for box in bounds]
    whole = same and all(ends == (0, side) for ends, side in zip(real, image, strict=True))
    return ReceptiveField(
        size=tuple(told.size if regular else told.largest for told in found),
        jump=tuple(told.jump if regular else 0 for told in found),
        start=tuple(told.start if regular else told.first for told in found),
        whole=whole and reach.known,
        aligned=reach.aligned,
        known=reach.known,
        regular=regular,
        alike=all(_alike(box, others) for box in reach.bounds),
        grid=grid,
        places=tuple(layout.axis(dim, len(reach.shape)) or 0 for dim in dims),
        image=image,
        _bounds=bounds,
        _lattices=tuple(
            lattice if told.regular else None for lattice, told in zip(lattices, found, strict=True)
        ),
    )


def _alike(bounds: Bounds, dims: tuple[int, ...]) -> bool:
    """Whether ``bounds`` are the same all along ``dims``."""
    long = tuple(dim for dim in dims if bounds.shape[dim] > 1)
    return not long or bool((bounds == bounds.max(axis=long, keepdims=True)).all())


@dataclass(frozen=True)
class _Told:
    """Of one side: what is regular, the largest patch and where the first one begins."""

    regular: bool
    size: int
    jump: int
    start: int
    largest: int
    first: int


def _told(bounds: Bounds, lattice: Lattice | None, side: int, grid: Shape) -> _Told:
    first, end = -bounds[..., 0], bounds[..., 1]
    sizes = np.maximum(end - first, 0)
    largest = int(sizes.max())
    begin = max(int(first.flat[0]), 0) if sizes.flat[0] else 0
    if lattice is None:
        return _Told(not largest, 0, 0, 0, largest, begin)
    starts = np.asarray(lattice.start)
    if lattice.dim is not None:
        spread = [1] * len(grid)
        spread[lattice.dim] = grid[lattice.dim]
        starts = (lattice.start + np.arange(grid[lattice.dim]) * lattice.jump).reshape(spread)
    outside = (sizes > 0) & ((first < starts) | (end > starts + lattice.size))
    if lattice.jump == 0 and not _reaches(lattice, side, bounds):
        lattice = Lattice(None, largest, 0, begin)
    return _Told(not outside.any(), lattice.size, lattice.jump, lattice.start, largest, begin)


def _reaches(lattice: Lattice, side: int, bounds: Bounds) -> bool:
    """Whether the one patch of all values has no pixel of the input that none of them depends on."""
    return _hull(bounds) == (max(lattice.start, 0), min(lattice.start + lattice.size, side))


def _hull(bounds: Bounds) -> tuple[int, int]:
    """The first pixel and the one after the last; where values have different patches of no use."""
    box = bounds.reshape(-1, 2)
    return (-int(box[0, 0]), int(box[0, 1])) if (box == box[0]).all() else (-1, -1)


def _placed(lattice: Lattice | None, dims: Sequence[int]) -> Lattice | None:
    """``lattice`` along the entry of the grid that its dimension is."""
    if lattice is None or lattice.dim is None:
        return lattice
    if lattice.dim not in dims:
        return None
    return Lattice(dims.index(lattice.dim), lattice.size, lattice.jump, lattice.start)


def _fitted(bounds: Bounds) -> Lattice | None:
    """What turns out to be regular, though no rule said so: equal sizes, equal steps along one dimension."""
    long = [dim for dim in range(bounds.ndim - 1) if bounds.shape[dim] > 1]
    first, sizes = -bounds[..., 0].ravel(), (bounds[..., 0] + bounds[..., 1]).ravel()
    if (sizes != sizes[0]).any() or sizes[0] <= 0 or len(long) > 1:
        return None
    steps = np.diff(first)
    if (steps != steps[:1]).any():
        return None
    jump = int(steps[0]) if len(steps) else 0
    return Lattice(long[0] if jump else None, int(sizes[0]), jump, int(first[0]))


# -- of every op of a trace ----------------------------------------------------------------------------


class ReceptiveFields(Sequence[ReceptiveField]):
    """The receptive fields of all ops of a trace, by index, each worked out when it is asked for."""

    def __init__(self, trace: Trace) -> None:
        shape = (1, *trace.input_shape)
        sides = range(min(2, max(1, len(shape) - 2)), len(shape))
        self._image = tuple(shape[side] for side in sides)
        self._ops = trace.ops
        self._input = of_input(shape, sides)
        self._reaches: list[Reach] = []
        self._parts: dict[tuple[int, int, Shape], Reach] = {}
        self._fields: dict[int, ReceptiveField] = {}
        self._lock = Lock()  # several sessions may look at one trace

    def __len__(self) -> int:
        return len(self._ops)

    @overload
    def __getitem__(self, index: int) -> ReceptiveField: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ReceptiveField, ...]: ...
    def __getitem__(self, index: int | slice) -> ReceptiveField | tuple[ReceptiveField, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        with self._lock:
            for op in self._ops[len(self._reaches) : number + 1]:
                self._reaches.append(self._through(op, op.layout.full(op.output_shape), 0))
            if number not in self._fields:
                self._fields[number] = field_of(self._reaches[number], self._image, self._ops[number].layout)
            return self._fields[number]

    def _through(self, op: Op, shape: Shape, part: int) -> Reach:
        """The reach of the output number ``part`` of ``op``."""
        operation = operation_of(op)
        if not op.inputs or operation.constant:
            return of_constant(shape, len(self._image))
        sources = tuple(self._source(op, number) for number in range(len(op.inputs)))
        if all(source.nothing for source in sources):  # whatever is made of constants is one
            return of_constant(shape, len(self._image))
        rule = operation.reach_rule
        if rule is not None and not op.layout.mixed and all(source.known for source in sources):
            try:
                found = rule(Call(op, sources, shape, part))
            except (ValueError, IndexError, KeyError, TypeError, AttributeError):
                return bounded(sources, shape)  # arguments that the rule does not foresee
            if found.shape == shape:
                return found
        return bounded(sources, shape)

    def _source(self, op: Op, number: int) -> Reach:
        """The reach of the input ``number`` of ``op``."""
        index = op.inputs[number]
        if index == MODEL_INPUT:
            return self._input
        part = op.parts[number] if op.parts else 0
        layout = op.input_layouts[number] if op.input_layouts else FRONT
        shape = layout.full(op.input_shapes[number])
        if part == 0 and self._reaches[index].shape == shape:
            return self._reaches[index]
        key = (index, part, shape)
        if key not in self._parts:
            self._parts[key] = self._through(self._ops[index], shape, part)
        return self._parts[key]


_REMEMBERED = 8
_lock = Lock()
_found: dict[int, tuple[Trace, ReceptiveFields]] = {}
"""Of the traces that were asked about last: a page asks again at every click."""


def receptive_fields(trace: Trace) -> Sequence[ReceptiveField]:
    """The receptive field of every op of ``trace``, by index.

    The sides of the input are height and width of an image, the length of a vector, all sides of a volume; both
    sizes of an input of two, such as a sequence of features.
    """
    with _lock:
        known = _found.pop(id(trace), None) or (trace, ReceptiveFields(trace))
        _found[id(trace)] = known
        while len(_found) > _REMEMBERED:
            del _found[next(iter(_found))]
    return known[1]
