"""Data movement: values get another order or position, and none of them changes; reshaping has a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.batch_axis import (
    FRONT,
    MIXED,
    BatchCall,
    Layout,
    indexed,
    kept,
    moved,
    removed,
)
from cnnviz.operations.explanation import Explanation, moving
from cnnviz.operations.kernels import Kernel
from cnnviz.operations.op import Op, Shape, shape_text
from cnnviz.operations.operation import define, never
from cnnviz.operations.reach import Call, Lattice, Reach, UnknownError, listed

# -- shapes ------------------------------------------------------------------------------------------


def explain_part(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A part of the input; of several parts, the shape is that of the first."""
    received = shape_text(op.input_shapes[0])
    sentence = Message(
        "{name} selects part of {input}: {output}.",
        name=op.title,
        input=received,
        output=shape_text(op.output_shape),
    )
    return Explanation("m ≤ n", f"{received} -> {shape_text(op.output_shape)}", sentence)


Order = Callable[[Mapping[str, Any], int], list[int]]
"""The new order of the dimensions, from a call's arguments and the number of dimensions."""


def explain_order(order: Order, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions in another order: permute, transpose and their relatives."""
    received = op.input_shapes[0]
    if sorted(received) != sorted(op.output_shape):
        return None
    letters = tuple(f"n{number}" for number in range(1, len(received) + 1))
    sentence = Message(
        "{name} reorders the dimensions; the values stay the same: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    axes = _axes(order, op, received)
    rule = (
        "m = n" if axes is None else f"{' x '.join(letters)} -> {' x '.join(letters[axis] for axis in axes)}"
    )
    return Explanation(rule, f"{shape_text(received)} -> {shape_text(op.output_shape)}", sentence)


def _axes(order: Order, op: Op, received: Shape) -> list[int] | None:
    """The new order of the dimensions, batch excluded; None where the arguments do not tell it."""
    before = op.input_layouts[0] if op.input_layouts else FRONT
    count = len(before.full(received))
    try:
        axes = [before.axis(dim, count) for dim in order(op.arguments, count)]
    except (TypeError, ValueError, IndexError, KeyError):  # unusual arguments
        return None
    found = [axis for axis in axes if axis is not None]
    return found if sorted(found) == list(range(len(received))) else None


def swapped(first: int, second: int, count: int) -> list[int]:
    """The order of ``count`` dimensions after two of them are swapped."""
    order = list(range(count))
    order[first], order[second] = order[second], order[first]
    return order


def relocated(source: int | Sequence[int], target: int | Sequence[int], count: int) -> list[int]:
    """The order of ``count`` dimensions after a ``movedim``."""
    pairs = {}
    for one, other in zip(listed(source), listed(target), strict=True):
        pairs[other % count] = one % count
    rest = iter([dim for dim in range(count) if dim not in pairs.values()])
    return [pairs[dim] if dim in pairs else next(rest) for dim in range(count)]


def _permuted(arguments: Mapping[str, Any], count: int) -> list[int]:
    return [dim % count for dim in listed(arguments.get("dims"))]


def _transposed(arguments: Mapping[str, Any], count: int) -> list[int]:
    return swapped(int(arguments["dim0"]), int(arguments["dim1"]), count)


def _relocated(arguments: Mapping[str, Any], count: int) -> list[int]:
    return relocated(listed(arguments.get("source")), listed(arguments.get("destination")), count)


def _reversed(_arguments: Mapping[str, Any], count: int) -> list[int]:
    return list(range(count))[::-1]


def _last_two(_arguments: Mapping[str, Any], count: int) -> list[int]:
    return swapped(-2, -1, count)


# -- receptive fields --------------------------------------------------------------------------------


def reach_order(order: Order, call: Call) -> Reach:
    """Dimensions in another order."""
    return call.first.permuted(order(call.arguments, len(call.shape)))


def reach_index(call: Call) -> Reach:
    """Indexing ``x[...]`` with numbers, slices, None and an ellipsis."""
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


def reach_select(call: Call) -> Reach:
    """One position along a dimension."""
    return _picked(call.first, _dim(call), call.number("index"))


def reach_unbind(call: Call) -> Reach:
    """One position along a dimension for each part."""
    return _picked(call.first, _dim(call), call.part)


def reach_narrow(call: Call) -> Reach:
    """A run of positions along a dimension."""
    dim = _dim(call)
    start = call.number("start") % call.first.shape[dim]
    return _sliced(call.first, dim, start, start + call.shape[dim], 1)


def reach_split(call: Call) -> Reach:
    """One of the parts of ``chunk`` and ``split``."""
    dim = _dim(call)
    given = call.arguments.get("split_size")
    if isinstance(given, (tuple, list)):
        start = sum(given[: call.part])
    else:  # all parts but the last are as large as the first
        start = call.part * call.op.layout.full(call.op.output_shape)[dim]
    return _sliced(call.first, dim, start, start + call.shape[dim], 1)


def _dim(call: Call) -> int:
    return call.number("dim", 0) % len(call.first.shape)


def reach_flip(call: Call) -> Reach:
    """Positions in reverse order."""
    reach = call.first
    for dim in listed(call.arguments.get("dims")):
        dim %= len(reach.shape)
        reach = _sliced(reach, dim, reach.shape[dim] - 1, -1, -1)
    return reach


def reach_roll(call: Call) -> Reach:
    """Positions shifted cyclically."""
    reach = call.first
    shifts, dims = listed(call.arguments.get("shifts")), listed(call.arguments.get("dims"))
    for shift, dim in zip(shifts, dims, strict=True):
        row = np.roll(np.arange(reach.shape[dim]), shift)
        unmoved = shift % reach.shape[dim] == 0
        reach = reach.gathered(dim, row[None], (lambda lattice: lattice) if unmoved else None)
    return reach


def reach_expansion(call: Call) -> Reach:
    """Dimensions of size 1 repeated, as ``expand`` does."""
    return call.first.broadcast(call.shape)


def reach_tiles(call: Call) -> Reach:
    """All positions repeated as a block: ``repeat``, ``tile``."""
    reach = call.first
    for _ in range(len(call.shape) - len(reach.shape)):
        reach = reach.unsqueezed(0)
    for dim, count in enumerate(call.shape):
        if reach.shape[dim] != count:
            reach = reach.gathered(dim, np.arange(count)[None] % reach.shape[dim])
    return reach


def reach_repetition(call: Call) -> Reach:
    """Each position repeated in place: ``repeat_interleave``."""
    times, dim = call.number("repeats"), call.number("dim")
    return call.first.gathered(dim, np.arange(call.shape[dim])[None] // times)


def reach_channel_shuffle(call: Call) -> Reach:
    """The first channel of every group, then the second of every group, and so on (ShuffleNet)."""
    groups = call.number("groups")
    images, channels, *sides = call.first.shape
    split = call.first.reshaped((images, groups, channels // groups, *sides))
    return split.permuted([0, 2, 1, *range(3, 3 + len(sides))]).reshaped(call.shape)


def _picked(reach: Reach, dim: int, position: int) -> Reach:
    """One position along ``dim``, which disappears."""
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


# -- the batch dimension ---------------------------------------------------------------------------------


def _batch_axis_of_order(order: Order, call: BatchCall) -> Layout:
    return moved(call.moving[0][1], order(call.arguments, len(call.result)))


def _batch_axis_of_index(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return indexed(len(shape), layout, call.arguments["index"])


def _batch_axis_without_one(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return removed(layout, [call.arguments.get("dim", 0) % len(shape)])


def _batch_axis_of_parts(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return MIXED if call.arguments.get("dim", 0) % len(shape) == layout.place else kept(call)


def _batch_axis_of_tiles(call: BatchCall) -> Layout:
    """Where the batch itself is repeated, the copies of all images come one after another."""
    shape, layout = call.moving[0]
    place = cast(int, layout.place) + len(call.result) - len(shape)
    times = call.result[place] // shape[cast(int, layout.place)]
    return Layout(place, times * layout.before, layout.after)


def _batch_axis_of_repetition(call: BatchCall) -> Layout:
    """Where the batch itself is repeated, the copies of an image are neighbours."""
    shape, layout = call.moving[0]
    place = cast(int, layout.place)
    return Layout(place, layout.before, layout.after * (call.result[place] // shape[place]))


# -- entries -------------------------------------------------------------------------------------------

OTHER_INDEX = "other"
"""Stands in an index for anything but a number, a slice, None or an ellipsis, such as a tensor of indices."""


def _index(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The index of ``x[...]`` as a tuple."""
    value = bound.get("index")
    entries = value if isinstance(value, tuple) else (value,)
    found["index"] = tuple(
        entry
        if entry is None
        or entry is Ellipsis
        or (isinstance(entry, (int, slice)) and not isinstance(entry, bool))
        else OTHER_INDEX
        for entry in entries
    )


def explain_identity(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An op that returns its input unchanged."""
    if op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} passes its input on unchanged: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x", shape_text(op.output_shape), sentence)


def _stays_unless_permuted(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments.get("dims", (1,))[0] == 0)


def _stays_unless_split(arguments: Mapping[str, Any]) -> bool:
    dim = arguments.get("dim", 0)
    return isinstance(dim, int) and dim > 0


def _stays_where_indexed(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments["index"][:1] == (slice(None),))


def _reordering(functions: str, order: Order, **knowledge: Any) -> None:
    """Register an operation that puts dimensions into another ``order``."""
    define(
        functions,
        kind="reshape",
        reorders=True,
        explain=partial(explain_order, order),
        reach=partial(reach_order, order),
        batch_axis=partial(_batch_axis_of_order, order),
        **{"stays_in_front": never, **knowledge},
    )


_reordering("permute", _permuted, listed="dims", stays_in_front=_stays_unless_permuted)
_reordering("transpose swapaxes swapdims", _transposed, arguments="input dim0 dim1")
_reordering("movedim moveaxis", _relocated, arguments="input source destination")
_reordering("T t H", _reversed)
_reordering("mT mH adjoint", _last_two)


def _kernel_of_index(op: Op) -> Kernel | None:
    """Of slices that keep every dimension, and all of the batch."""
    index, shape = op.arguments.get("index"), op.input_shapes[0]
    given = list(index) if isinstance(index, tuple) else [index]
    missing = [slice(None)] * (len(shape) + 1 - len([part for part in given if part is not ...]))
    place = given.index(...) if ... in given else len(given)
    parts = [*given[:place], *missing, *given[place + 1 :]]
    slices = [part for part in parts if isinstance(part, slice)]
    if len(slices) != len(parts) or len(parts) != len(shape) + 1 or slices[0] != slice(None):
        return None
    ranges = [range(*part.indices(size)) for part, size in zip(slices[1:], shape, strict=True)]
    starts, steps = [along.start for along in ranges], [along.step for along in ranges]
    return {"kernel": "slice", "start": starts, "step": steps}


define(
    "getitem",
    kind="reshape",
    kernel=_kernel_of_index,
    arguments="input index",
    complete=_index,
    explain=explain_part,
    reach=reach_index,
    batch_axis=_batch_axis_of_index,
    stays_in_front=_stays_where_indexed,
)
for _functions, _arguments, _reach in (
    ("select", "input dim index", reach_select),
    ("unbind", "input dim", reach_unbind),
):
    define(
        _functions,
        kind="reshape",
        arguments=_arguments,
        explain=explain_part,
        reach=_reach,
        batch_axis=_batch_axis_without_one,
        stays_in_front=never,
    )
for _functions, _arguments, _reach in (
    ("chunk unsafe_chunk", "input chunks dim", reach_split),
    ("split split_with_sizes", "input split_size dim", reach_split),
    ("narrow", "input dim start length", reach_narrow),
):
    define(
        _functions,
        kind="reshape",
        arguments=_arguments,
        explain=explain_part,
        reach=_reach,
        batch_axis=_batch_axis_of_parts,
        stays_in_front=_stays_unless_split,
    )
define(
    "roll",
    kind="reshape",
    arguments="input shifts dims",
    explain=moving(
        Message(
            "{name} shifts values: what leaves at one end re-enters at the other. The shape stays {output}."
        )
    ),
    reach=reach_roll,
)
define(
    "flip",
    kind="reshape",
    listed="dims",
    explain=moving(
        Message("{name} reverses the order: the last value comes first. The shape stays {output}.")
    ),
    reach=reach_flip,
)
define(
    "expand expand_as broadcast_to",
    kind="reshape",
    explain=moving(Message("{name} repeats dimensions of size 1 without copying memory: {output}.")),
    reach=reach_expansion,
    stays_in_front=never,
)
define(
    "repeat tile",
    kind="reshape",
    explain=moving(Message("{name} repeats its input several times side by side: {output}.")),
    reach=reach_tiles,
    batch_axis=_batch_axis_of_tiles,
    stays_in_front=never,
)
define(
    "repeat_interleave",
    arguments="input repeats dim",
    explain=moving(Message("{name} repeats each value several times: {output}.")),
    reach=reach_repetition,
    batch_axis=_batch_axis_of_repetition,
)
define(
    "channel_shuffle native_channel_shuffle",
    "ChannelShuffle",
    kind="reshape",
    arguments="input groups",
    explain=moving(
        Message("{name} shuffles the channels, starting with the first of every group: {output}.")
    ),
    reach=reach_channel_shuffle,
)
define(
    "setitem",
    explain=moving(Message("{name} writes new values into part of its input. The shape stays {output}.")),
)
define("sort", explain=moving(Message("{name} sorts the values along a dimension: {output}.")))
define("", "Identity", pointwise=True, explain=explain_identity)
define("contiguous", kind="reshape", pointwise=True, explain=explain_identity)
define("clone", kind="reshape", pointwise=True, explain=explain_identity)
define("detach", kind="reshape", pointwise=True, explain=explain_identity)
define("to", kind="reshape", pointwise=True, explain=explain_identity)
define("type float double half bfloat16 cpu cuda", pointwise=True, explain=explain_identity)
