"""Putting values elsewhere: views, permutes, slices, flips, parts, joining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from cnnviz.operations.receptive_field.call import Call, UnknownError, listed
from cnnviz.operations.receptive_field.grouping import Bounds
from cnnviz.operations.receptive_field.lattice import Lattice
from cnnviz.operations.receptive_field.reach import Reach, centred, common
from cnnviz.tracing.batch_axis import relocated, swapped


def reshaped(call: Call) -> Reach:
    """The same values in the same order."""
    return call.first.reshaped(call.shape)


def reordered(call: Call) -> Reach:
    """Dimensions in another order."""
    count, name, arguments = len(call.shape), call.op.type, call.arguments
    if name == "permute":
        order = [dim % count for dim in listed(arguments.get("dims"))]
    elif name in ("transpose", "swapaxes", "swapdims"):
        order = swapped(call.number("dim0"), call.number("dim1"), count)
    elif name in ("movedim", "moveaxis"):
        order = relocated(listed(arguments.get("source")), listed(arguments.get("destination")), count)
    else:
        order = swapped(-2, -1, count) if name in ("mT", "mH") or count == 2 else list(range(count))[::-1]
    return call.first.permuted(order)


def indexed(call: Call) -> Reach:
    """What stands between the brackets of ``x[...]``: numbers, slices, None, dots."""
    reach, index = call.first, list(call.arguments.get("index", ()))
    used = sum(entry is not None and entry is not Ellipsis for entry in index)
    dots = next((at for at, entry in enumerate(index) if entry is Ellipsis), len(index))
    index[dots : dots + 1] = [slice(None)] * (len(reach.shape) - used)
    dim = 0
    for entry in index:
        if entry is None:
            reach = reach.unsqueezed(dim)
            dim += 1
        elif isinstance(entry, int):
            reach = _picked(reach, dim, entry)
        elif isinstance(entry, slice):
            reach = _sliced(reach, dim, *entry.indices(reach.shape[dim]))
            dim += 1
        else:
            raise UnknownError
    return reach


def selected(call: Call) -> Reach:
    """One position along a dimension: ``select`` and the parts of an ``unbind``."""
    dim = call.number("dim", 0) % len(call.first.shape)
    return _picked(call.first, dim, call.part if call.op.type == "unbind" else call.number("index"))


def part(call: Call) -> Reach:
    """One of the parts of ``chunk`` and ``split``, or what ``narrow`` takes."""
    dim = call.number("dim", 0) % len(call.first.shape)
    given = call.arguments.get("split_size")
    if call.op.type == "narrow":
        start = call.number("start") % call.first.shape[dim]
    elif isinstance(given, (tuple, list)):
        start = sum(given[: call.part])
    else:  # equal parts, but the last one
        start = call.part * call.op.layout.full(call.op.output_shape)[dim]
    return _sliced(call.first, dim, start, start + call.shape[dim], 1)


def flipped(call: Call) -> Reach:
    """The last position first."""
    reach = call.first
    for dim in listed(call.arguments.get("dims")):
        dim %= len(reach.shape)
        reach = _sliced(reach, dim, reach.shape[dim] - 1, -1, -1)
    return reach


def rolled(call: Call) -> Reach:
    """What leaves at one end comes in at the other."""
    reach = call.first
    shifts, dims = listed(call.arguments.get("shifts")), listed(call.arguments.get("dims"))
    for shift, dim in zip(shifts, dims, strict=True):
        row = np.roll(np.arange(reach.shape[dim]), shift)
        unmoved = shift % reach.shape[dim] == 0
        reach = reach.gathered(dim, row[None], (lambda lattice: lattice) if unmoved else None)
    return reach


def expanded(call: Call) -> Reach:
    """Dimensions of size 1 repeated."""
    return call.first.broadcast(call.shape)


def tiled(call: Call) -> Reach:
    """All positions again and again: ``repeat``."""
    reach = call.first
    for _ in range(len(call.shape) - len(reach.shape)):
        reach = reach.unsqueezed(0)
    for dim, count in enumerate(call.shape):
        if reach.shape[dim] != count:
            reach = reach.gathered(dim, np.arange(count)[None] % reach.shape[dim])
    return reach


def each_repeated(call: Call) -> Reach:
    """Every position several times: ``repeat_interleave``."""
    times, dim = call.number("repeats"), call.number("dim")
    return call.first.gathered(dim, np.arange(call.shape[dim])[None] // times)


def joined_behind(call: Call) -> Reach:
    """Inputs one behind the other along a dimension that they have, or along a new one (``stack``)."""
    count = len(call.shape)
    dim = call.number("dim", 0) % count
    sources = [reach.unsqueezed(dim) if call.op.type == "stack" else reach for reach in call.sources]
    sizes = [reach.shape[dim] for reach in sources]
    if sum(sizes) != call.shape[dim]:  # a parameter is among them, nobody knows where
        raise UnknownError
    seeing = [reach for reach in sources if not reach.nothing] or sources[:1]
    lattices = tuple(
        None if lattice is not None and lattice.dim == dim else lattice for lattice in common(seeing)
    )
    return replace(
        seeing[0],
        shape=call.shape,
        bounds=tuple(
            _behind([reach.bounds[side] for reach in sources], sizes, dim)
            for side in range(len(seeing[0].bounds))
        ),
        lattices=lattices,
        places=frozenset().union(*(reach.places for reach in seeing))
        - ({dim} if call.op.type == "stack" else set()),
        known=all(reach.known for reach in seeing),
        aligned=all(reach.aligned for reach in seeing) and centred(seeing),
    )


def shuffled_pixels(call: Call) -> Reach:
    """Channels as pixels side by side, ``(N, C r r, H, W)`` to ``(N, C, H r, W r)``, or the other way round."""
    reach = call.first
    images, channels, height, width = reach.shape
    if "un" in call.function:
        factor = height // call.shape[2]
        split = reach.reshaped((images, channels, height // factor, factor, width // factor, factor))
        return replace(split.permuted([0, 1, 3, 5, 2, 4]).reshaped(call.shape), places=reach.places)
    factor = call.shape[2] // height
    split = reach.reshaped((images, channels // factor**2, factor, factor, height, width))
    return replace(split.permuted([0, 1, 4, 2, 5, 3]).reshaped(call.shape), places=reach.places)


def shuffled_channels(call: Call) -> Reach:
    """Channels dealt out anew, the first of every group first (ShuffleNet)."""
    groups = call.number("groups")
    images, channels, *sides = call.first.shape
    split = call.first.reshaped((images, groups, channels // groups, *sides))
    return split.permuted([0, 2, 1, *range(3, 3 + len(sides))]).reshaped(call.shape)


def _picked(reach: Reach, dim: int, position: int) -> Reach:
    """One position along ``dim``, which is then gone."""
    position %= reach.shape[dim]
    taken = reach.gathered(dim, np.array([[position]]), partial(Lattice.at, position=position))
    return taken.squeezed([dim])


def _sliced(reach: Reach, dim: int, start: int, stop: int, step: int) -> Reach:
    row = np.arange(start, stop, step)
    if len(row) == 0:
        raise UnknownError
    if len(row) == reach.shape[dim] and step == 1:
        return reach
    return reach.gathered(dim, row[None], _walking(start, step))


def _walking(start: int, step: int) -> Callable[[Lattice], Lattice | None]:
    return partial(Lattice.window, offset=start, stride=step, span=0)


def _behind(all_bounds: list[Bounds], sizes: list[int], dim: int) -> Bounds:
    """Bounds one behind the other along ``dim``."""
    if all(bounds.shape[dim] == 1 and np.array_equal(bounds, all_bounds[0]) for bounds in all_bounds):
        return all_bounds[0]
    widest = np.broadcast_shapes(*((*b.shape[:dim], 1, *b.shape[dim + 1 :]) for b in all_bounds))
    fitted = [
        np.broadcast_to(bounds, (*widest[:dim], size, *widest[dim + 1 :]))
        for bounds, size in zip(all_bounds, sizes, strict=True)
    ]
    return np.concatenate(fitted, axis=dim)
