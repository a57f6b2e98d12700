"""Which input pixels the values of a tensor depend on: boxes of pixels, and what operations do to them.

For each value the first and the last pixel along each side of the input are kept: the box around all pixels that it
depends on. Values with the same box share it in memory, so a map of 224 x 224 needs two rows of numbers. Where patches
form a regular grid they are also kept as size, jump and start, as Araujo, Norris and Sim describe them
("Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, equations 2 to 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cnnviz.operations.op import Op, Shape, product


@dataclass(frozen=True)
class Lattice:
    """Along one side of the input: patches of ``size`` pixels, ``jump`` pixels apart, the first from ``start`` on.

    They run along dimension ``dim`` of a tensor; None where all values have the same patch (``jump`` 0). Padding
    counts as pixels before the first and after the last, so ``start`` may be negative.
    """

    dim: int | None
    size: int = 1
    jump: int = 1
    start: int = 0

    def window(self, offset: int, stride: int, span: int) -> Lattice:
        """After windows, of which number i reads position i * ``stride`` + ``offset`` and the ``span`` positions after."""
        first = min(offset * self.jump, (offset + span) * self.jump)
        return replace(
            self, size=self.size + span * abs(self.jump), jump=self.jump * stride, start=self.start + first
        )

    def at(self, position: int) -> Lattice:
        """The patch of a single ``position``."""
        return Lattice(None, self.size, 0, self.start + position * self.jump)

    def collapsed(self, count: int) -> Lattice:
        """The patch of a value that reads all ``count`` positions."""
        reach = (count - 1) * self.jump
        return Lattice(None, self.size + abs(reach), 0, self.start + min(0, reach))

    @property
    def centre(self) -> int:
        """Twice the centre of the first patch, so that it is a whole number."""
        return 2 * self.start + self.size


def merged(lattices: Sequence[Lattice]) -> Lattice | None:
    """Patches from the first pixel of any lattice to the last of any; None where they form no regular grid."""
    if len({(lattice.dim, lattice.jump) for lattice in lattices}) != 1:
        return None
    start = min(lattice.start for lattice in lattices)
    end = max(lattice.start + lattice.size for lattice in lattices)
    return replace(lattices[0], start=start, size=end - start)


Bounds = NDArray[np.int64]
"""(..., 2): for each value, minus its first pixel, and the pixel after its last."""

Table = NDArray[np.int64]
"""(readings, positions): the positions that each new position reads, -1 for none."""

_MOST_VALUES = 3_000_000

NOTHING = -(1 << 40)
"""Both bounds of a value that depends on no pixel: smaller than any others, so that a maximum ignores it."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The boxes of all values of a tensor for one image; ``shape`` includes the batch dimension.

    ``bounds`` has one array for each side of the input, which broadcasts to (*shape, 2). ``lattices`` holds the
    regular grids that the boxes form, None where they form none. ``places`` are the dimensions that run along
    positions of the input, unlike channels. Where ``known`` is False, the boxes are only an upper bound.
    """

    shape: Shape
    bounds: tuple[Bounds, ...]
    lattices: tuple[Lattice | None, ...]
    places: frozenset[int]
    known: bool = True
    aligned: bool = True

    @property
    def nothing(self) -> bool:
        """Whether no value depends on any pixel."""
        return all(bool((bounds == NOTHING).all()) for bounds in self.bounds)

    def permuted(self, order: Sequence[int]) -> Reach:
        """Dimensions in another order."""
        target = {dim: position for position, dim in enumerate(order)}
        return replace(
            self,
            shape=tuple(self.shape[dim] for dim in order),
            bounds=tuple(bounds.transpose(*order, len(order)) for bounds in self.bounds),
            lattices=self._renamed(target),
            places=frozenset(target[dim] for dim in self.places),
        )

    def reshaped(self, shape: Shape) -> Reach:
        """The same values in another shape.

        Raises:
            ValueError: the number of values differs, or the boxes would need too much memory.
        """
        parts = groups(self.shape, shape)
        target = {
            old[0]: new[0] for olds, news in parts for old, new in [(longer(self.shape, olds), longer(shape, news))]
            if len(old) == 1 == len(new)
        }  # fmt: skip
        return replace(
            self,
            shape=shape,
            bounds=tuple(regrouped(bounds, self.shape, shape, parts) for bounds in self.bounds),
            lattices=self._renamed(target),
            places=frozenset(self._places_in(shape, parts)),
        )

    def _places_in(self, shape: Shape, parts: Sequence[tuple[list[int], list[int]]]) -> Iterator[int]:
        """The dimensions of places after a reshape to ``shape``; ``parts`` as :func:`groups` gives them."""
        if not longer(self.shape, sorted(self.places)):
            # A single place: the sizes do not tell where it goes; by convention it follows the channels.
            behind = takewhile(lambda dim: shape[dim] == 1, range(len(shape) - 1, 0, -1))
            yield from islice(behind, len(self.bounds) if self.places else 0)
            return
        for olds, news in parts:
            if self.places.intersection(olds):
                yield from longer(shape, news) or news[-1:]

    def gathered(
        self, dim: int, table: Table, regular: Callable[[Lattice], Lattice | None] | None = None
    ) -> Reach:
        """Each position along ``dim`` reads those in ``table``; ``regular`` maps a lattice, None where it ends."""
        dim %= len(self.shape)
        lattices = tuple(
            lattice if lattice is None or lattice.dim != dim else regular and regular(lattice)
            for lattice in self.lattices
        )
        count = table.shape[1]
        return replace(
            self,
            shape=(*self.shape[:dim], count, *self.shape[dim + 1 :]),
            bounds=tuple(_read(bounds, dim, table) for bounds in self.bounds),
            lattices=lattices,
        )

    def reduced(self, dims: Iterable[int], keep: bool = True) -> Reach:
        """All values along ``dims`` become one."""
        gone = {dim % len(self.shape) for dim in dims}
        axes = tuple(sorted(gone))
        lattices = tuple(
            lattice.collapsed(self.shape[lattice.dim])
            if lattice is not None and lattice.dim is not None and lattice.dim in gone
            else lattice
            for lattice in self.lattices
        )
        found = replace(
            self,
            shape=tuple(1 if dim in gone else size for dim, size in enumerate(self.shape)),
            bounds=tuple(bounds.max(axis=axes, keepdims=True) for bounds in self.bounds)
            if axes
            else self.bounds,
            lattices=lattices,
            places=self.places - gone,
        )
        return found if keep else found.squeezed(gone)

    def repeated(self, dim: int, count: int) -> Reach:
        """The single value along ``dim`` is repeated ``count`` times."""
        dim %= len(self.shape)
        return self.broadcast((*self.shape[:dim], count, *self.shape[dim + 1 :]))

    def squeezed(self, dims: Iterable[int]) -> Reach:
        """Without dimensions of size 1."""
        gone = set(dims)
        kept = [dim for dim in range(len(self.shape)) if dim not in gone]
        target = {dim: position for position, dim in enumerate(kept)}
        return replace(
            self,
            shape=tuple(self.shape[dim] for dim in kept),
            bounds=tuple(bounds.squeeze(tuple(gone)) for bounds in self.bounds),
            lattices=self._renamed(target),
            places=frozenset(target[dim] for dim in self.places if dim in target),
        )

    def unsqueezed(self, dim: int) -> Reach:
        """With a new dimension of size 1 at ``dim``."""
        target = {old: old + (old >= dim) for old in range(len(self.shape))}
        return replace(
            self,
            shape=(*self.shape[:dim], 1, *self.shape[dim:]),
            bounds=tuple(np.expand_dims(bounds, dim) for bounds in self.bounds),
            lattices=self._renamed(target),
            places=frozenset(target[old] for old in self.places),
        )

    def broadcast(self, shape: Shape) -> Reach:
        """Dimensions of size 1 repeated, and new ones added in front, as in broadcasting."""
        if shape == self.shape:
            return self
        reach = self
        for _ in range(len(shape) - len(self.shape)):
            reach = reach.unsqueezed(0)
        lattices = tuple(
            lattice.at(0)
            if lattice is not None
            and lattice.dim is not None
            and reach.shape[lattice.dim] != shape[lattice.dim]
            else lattice
            for lattice in reach.lattices
        )
        return replace(reach, shape=shape, lattices=lattices)

    def accumulated(self, dim: int) -> Reach:
        """Each position along ``dim`` reads itself and all before it."""
        dim %= len(self.shape)
        found = []
        for bounds in self.bounds:
            found.append(np.maximum.accumulate(bounds, axis=dim))
        lattices = tuple(
            None if lattice is not None and lattice.dim == dim else lattice for lattice in self.lattices
        )
        return replace(self, bounds=tuple(found), lattices=lattices)

    def irregular(self) -> Reach:
        """The same boxes without their lattices."""
        return replace(self, lattices=(None,) * len(self.lattices))

    def _renamed(self, target: dict[int, int]) -> tuple[Lattice | None, ...]:
        """The lattices with their dimensions renumbered; one along a removed dimension of size 1 is a single patch."""
        found: list[Lattice | None] = []
        for lattice in self.lattices:
            if lattice is None or lattice.dim is None:
                found.append(lattice)
            elif lattice.dim in target:
                found.append(replace(lattice, dim=target[lattice.dim]))
            else:
                found.append(lattice.at(0) if self.shape[lattice.dim] == 1 else None)
        return tuple(found)


def of_input(shape: Shape, sides: Sequence[int]) -> Reach:
    """The input itself: each value is its own pixel; ``sides`` are the spatial dimensions of ``shape``."""
    bounds = []
    for side in sides:
        row = np.arange(shape[side])
        spread = [1] * len(shape)
        spread[side] = shape[side]
        bounds.append(np.stack([-row, row + 1], axis=-1).reshape(*spread, 2))
    return Reach(shape, tuple(bounds), tuple(Lattice(side) for side in sides), frozenset(sides))


def of_constant(shape: Shape, sides: int) -> Reach:
    """Values that depend on no pixel of an input with so many ``sides``."""
    empty = np.full((*(1,) * len(shape), 2), NOTHING)
    return Reach(shape, (empty,) * sides, (None,) * sides, frozenset())


def bounded(reaches: Sequence[Reach], shape: Shape) -> Reach:
    """An upper bound for an unknown call: each value may depend on everything it was given."""
    sides = range(len(reaches[0].bounds))
    all_of = tuple(
        np.max([reach.bounds[side].reshape(-1, 2).max(axis=0) for reach in reaches], axis=0) for side in sides
    )
    bounds = tuple(box.reshape(*(1,) * len(shape), 2) for box in all_of)
    return Reach(shape, bounds, (None,) * len(bounds), frozenset(), known=False)


def joined(reaches: Sequence[Reach], shape: Shape) -> Reach:
    """Each value depends on those at the same position of all ``reaches``, broadcast to ``shape``."""
    fitted = [reach.broadcast(shape) for reach in reaches]
    seeing = [reach for reach in fitted if not reach.nothing] if len(fitted) > 1 else fitted
    if not seeing:
        return fitted[0]
    if len(seeing) == len(fitted) == 1:
        return fitted[0]
    bounds = []
    for side in range(len(seeing[0].bounds)):
        box = seeing[0].bounds[side]
        for reach in seeing[1:]:
            box = np.maximum(box, reach.bounds[side])
        bounds.append(box)
    return replace(
        seeing[0],
        bounds=tuple(bounds),
        lattices=common(seeing),
        places=frozenset().union(*(reach.places for reach in seeing)),
        known=all(reach.known for reach in seeing),
        aligned=all(reach.aligned for reach in seeing) and centred(seeing),
    )


def common(reaches: Sequence[Reach]) -> tuple[Lattice | None, ...]:
    """For each side the lattice that covers those of all ``reaches``; None where there is none."""
    found = []
    for lattices in zip(*(reach.lattices for reach in reaches), strict=True):
        known = [lattice for lattice in lattices if lattice is not None]
        found.append(merged(known) if len(known) == len(lattices) else None)
    return tuple(found)


def centred(reaches: Sequence[Reach]) -> bool:
    """Whether the patches of all ``reaches`` for a value have the same centre, as far as they are regular."""
    for lattices in zip(*(reach.lattices for reach in reaches), strict=True):
        known = {(lattice.jump, lattice.centre) for lattice in lattices if lattice is not None}
        if len(known) > 1:
            return False
    return True


def _read(bounds: Bounds, dim: int, table: Table) -> Bounds:
    """The bounds after reading the positions in ``table`` along ``dim``."""
    some = table.max(axis=0) >= 0
    if bounds.shape[dim] == 1:
        if some.all():
            return bounds
        spread = [1] * bounds.ndim
        spread[dim] = len(some)
        hidden: Bounds = np.where(some.reshape(spread), bounds, NOTHING)
        return hidden
    found: Bounds | None = None
    for row in table:
        taken = bounds.take(np.maximum(row, 0), axis=dim)
        if (row < 0).any():
            spread = [1] * bounds.ndim
            spread[dim] = len(row)
            taken = np.where((row >= 0).reshape(spread), taken, NOTHING)
        found = taken if found is None else np.maximum(found, taken)
    assert found is not None
    return found


# -- calls as rules see them ----------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """An op, the reaches of its inputs, and the full shape of its output number ``part``."""

    op: Op
    sources: tuple[Reach, ...]
    shape: Shape
    part: int = 0

    @property
    def first(self) -> Reach:
        """The reach of its first input."""
        return self.sources[0]

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The op's arguments; a rule checks those it needs."""
        return cast(Mapping[str, Any], self.op.arguments)

    def number(self, name: str, default: int | None = None) -> int:
        """A whole-number argument.

        Raises:
            ValueError: it is no whole number.
        """
        value = self.arguments.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} is {value!r}")
        return value

    def numbers(self, name: str, count: int) -> tuple[int, ...]:
        """An argument that is a whole number, or one for each of ``count`` dimensions.

        Raises:
            ValueError: it is anything else.
        """
        value = self.arguments.get(name)
        found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
        if len(found) != count or not all(isinstance(entry, int) for entry in found):
            raise ValueError(f"{name} is {value!r}")
        return cast(tuple[int, ...], found)


class UnknownError(ValueError):
    """A rule cannot tell what this particular op does with positions."""


def listed(value: object) -> Sequence[int]:
    """A whole number, or several, as a list.

    Raises:
        ValueError: it is anything else.
    """
    found = [value] if isinstance(value, int) else value
    if not isinstance(found, (tuple, list)) or not all(isinstance(entry, int) for entry in found):
        raise ValueError(f"{value!r} are no whole numbers")
    return found


def value_by_value(call: Call) -> Reach:
    """Each value depends on the inputs at its own position."""
    return joined(call.sources, call.shape)


def spread(call: Call, dims: Iterable[int]) -> Reach:
    """Each value depends on all values along ``dims``; the shape stays."""
    found = call.first.reduced(dims).broadcast(call.shape)
    return replace(found, places=call.first.places)


# -- reshaping shared boxes -----------------------------------------------------------------------


def groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of dimensions that hold as many values before a reshape as after it."""
    if product(old) != product(new) or 0 in old:
        raise ValueError(f"{old} cannot become {new}")
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        olds, news, have, want = [], [], 1, 1
        if i < len(old):
            olds.append(i)
            have *= old[i]
            i += 1
        if j < len(new):
            news.append(j)
            want *= new[j]
            j += 1
        while have != want:
            if have < want:
                olds.append(i)
                have *= old[i]
                i += 1
            else:
                news.append(j)
                want *= new[j]
                j += 1
        found.append((olds, news))
    return found


def longer(shape: Shape, dims: Sequence[int]) -> list[int]:
    """Those of ``dims`` that are not of size 1."""
    return [dim for dim in dims if shape[dim] > 1]


def regrouped(bounds: Bounds, old: Shape, new: Shape, parts: Sequence[tuple[list[int], list[int]]]) -> Bounds:
    """``bounds`` after a reshape from ``old`` to ``new``; ``parts`` as :func:`groups` gives them.

    Raises:
        ValueError: they would need too much memory.
    """
    before, after = list(bounds.shape[:-1]), [1] * len(new)
    for olds, news in parts:
        if all(bounds.shape[dim] == 1 for dim in olds):
            continue
        for dim in olds:
            before[dim] = old[dim]
        for dim in news:
            after[dim] = new[dim]
    if product(tuple(before)) > _MOST_VALUES:
        raise ValueError("too many boxes")
    return np.broadcast_to(bounds, (*before, 2)).reshape(*after, 2)
