"""Data movement: values get another shape, order or place, and none of them changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT, BatchCall, Layout, indexed, moved, refactored, removed
from cnnviz.operations.explanation import Explanation, moving
from cnnviz.operations.op import FailedCall, Failure, Op, Shape, called, product, shape_text
from cnnviz.operations.operation import define, never
from cnnviz.operations.origin import origins
from cnnviz.operations.reach import Call, Lattice, Reach, UnknownError, listed

# -- shapes ------------------------------------------------------------------------------------------


def explain_reshape(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """The same values in another shape: flatten, view, reshape, squeeze."""
    received = op.input_shapes[0]
    if op.kind != "reshape" or product(received) != product(op.output_shape):
        return None
    sentence = Message(
        "{name} rearranges the {count} values of {input} without losing any: {output}.",
        name=op.title,
        count=f"{product(received):,}",
        input=shape_text(received),
        output=shape_text(op.output_shape),
    )
    if len(op.output_shape) == 1 and len(received) > 1:
        rule = " x ".join(("C", "H", "W")[: len(received)]) if len(received) <= 3 else "n1 x n2 x ..."
        return Explanation(
            rule, f"{shape_text(received)} = {product(received)}", sentence, background=_left_over(op)
        )
    return Explanation(
        "n1 x n2 = m1 x m2",
        f"{shape_text(received)} -> {shape_text(op.output_shape)}",
        sentence,
        background=_left_over(op),
    )


def _left_over(op: Op) -> tuple[Message, ...]:
    wanted = op.arguments.get("shape")
    if not isinstance(wanted, tuple) or -1 not in [size for size in wanted if isinstance(size, int)]:
        return ()
    return (Message("In a view, -1 stands for the size that follows from all the others."),)


def explain_part(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A part of what arrives; of several parts the shape is the first one's."""
    received = shape_text(op.input_shapes[0])
    sentence = Message(
        "{name} selects part of {input}: {output}.",
        name=op.title,
        input=received,
        output=shape_text(op.output_shape),
    )
    return Explanation("m ≤ n", f"{received} -> {shape_text(op.output_shape)}", sentence)


Order = Callable[[Mapping[str, Any], int], list[int]]
"""From a call's arguments and the number of dimensions to their new order."""


def explain_order(order: Order, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions in another order: permute, transpose and their like."""
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
    """The new order of the dimensions without the batch, where the arguments tell it."""
    before = op.input_layouts[0] if op.input_layouts else FRONT
    count = len(before.full(received))
    try:
        axes = [before.axis(dim, count) for dim in order(op.arguments, count)]
    except (TypeError, ValueError, IndexError, KeyError):  # arguments that are not foreseen
        return None
    found = [axis for axis in axes if axis is not None]
    return found if sorted(found) == list(range(len(received))) else None


def swapped(first: int, second: int, count: int) -> list[int]:
    """The order of ``count`` dimensions of which two have changed places."""
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


def reach_reshape(call: Call) -> Reach:
    """The same values in the same order."""
    return call.first.reshaped(call.shape)


def reach_order(order: Order, call: Call) -> Reach:
    """Dimensions in another order."""
    return call.first.permuted(order(call.arguments, len(call.shape)))


def reach_index(call: Call) -> Reach:
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


def reach_selection(call: Call) -> Reach:
    """One position along a dimension: ``select`` and the parts of an ``unbind``."""
    dim = call.number("dim", 0) % len(call.first.shape)
    return _picked(call.first, dim, call.part if call.op.base == "unbind" else call.number("index"))


def reach_part(call: Call) -> Reach:
    """One of the parts of ``chunk`` and ``split``, or what ``narrow`` takes."""
    dim = call.number("dim", 0) % len(call.first.shape)
    given = call.arguments.get("split_size")
    if call.op.base == "narrow":
        start = call.number("start") % call.first.shape[dim]
    elif isinstance(given, (tuple, list)):
        start = sum(given[: call.part])
    else:  # equal parts, but the last one
        start = call.part * call.op.layout.full(call.op.output_shape)[dim]
    return _sliced(call.first, dim, start, start + call.shape[dim], 1)


def reach_flip(call: Call) -> Reach:
    """The last position first."""
    reach = call.first
    for dim in listed(call.arguments.get("dims")):
        dim %= len(reach.shape)
        reach = _sliced(reach, dim, reach.shape[dim] - 1, -1, -1)
    return reach


def reach_roll(call: Call) -> Reach:
    """What leaves at one end comes in at the other."""
    reach = call.first
    shifts, dims = listed(call.arguments.get("shifts")), listed(call.arguments.get("dims"))
    for shift, dim in zip(shifts, dims, strict=True):
        row = np.roll(np.arange(reach.shape[dim]), shift)
        unmoved = shift % reach.shape[dim] == 0
        reach = reach.gathered(dim, row[None], (lambda lattice: lattice) if unmoved else None)
    return reach


def reach_expansion(call: Call) -> Reach:
    """Dimensions of size 1 repeated."""
    return call.first.broadcast(call.shape)


def reach_tiles(call: Call) -> Reach:
    """All positions again and again: ``repeat``."""
    reach = call.first
    for _ in range(len(call.shape) - len(reach.shape)):
        reach = reach.unsqueezed(0)
    for dim, count in enumerate(call.shape):
        if reach.shape[dim] != count:
            reach = reach.gathered(dim, np.arange(count)[None] % reach.shape[dim])
    return reach


def reach_repetition(call: Call) -> Reach:
    """Every position several times: ``repeat_interleave``."""
    times, dim = call.number("repeats"), call.number("dim")
    return call.first.gathered(dim, np.arange(call.shape[dim])[None] // times)


def reach_channel_shuffle(call: Call) -> Reach:
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


# -- where the batch goes --------------------------------------------------------------------------------


def _batch_axis_of_order(order: Order, call: BatchCall) -> Layout:
    return moved(call.moving[0][1], order(call.arguments, len(call.result)))


def _batch_axis_of_reshape(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return refactored(shape, layout, call.result, call.images)


def _batch_axis_of_index(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return indexed(len(shape), layout, call.arguments["index"])


def _batch_axis_without_one(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return removed(layout, [call.arguments.get("dim", 0) % len(shape)])


# -- diagnosis -------------------------------------------------------------------------------------------


def diagnose_view(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Values that do not fill the shape that a view asks for."""
    wanted = call.arguments.get("shape")
    if not isinstance(wanted, tuple):
        return None
    received = call.input_shapes[0]
    reason = Message(
        "{name} cannot reshape {shape} ({values} per image) to {wanted}: the products of the sizes differ.",
        name=called(call.name, call.type),
        shape=shape_text(received),
        values=numbers.values(product(received)),
        wanted=str(wanted),
    )
    return Failure(
        call.name,
        call.type,
        reason,
        cast(Shape, wanted),
        received,
        cause=origins(ops, call.inputs[0], received),
        advice=Message("flatten(1) works for any size."),
    )


# -- entries -------------------------------------------------------------------------------------------

OTHER_INDEX = "other"
"""Stands in an index for what is neither number, slice, None nor dots, such as a tensor of numbers."""


def _index(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """What stands between the brackets of ``x[...]``."""
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
    """An op that passes on what arrives."""
    if op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} passes its input on unchanged: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x", shape_text(op.output_shape), sentence)


def _stays_where_indexed(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments["index"][:1] == (slice(None),))


_RESHAPE: Mapping[str, Any] = {
    "kind": "reshape",
    "keeps_order": True,
    "reach": reach_reshape,
    "batch_axis": _batch_axis_of_reshape,
}
define("flatten ravel", "Flatten", arguments="input start_dim end_dim", explain=explain_reshape, **_RESHAPE)
define("unflatten", "Unflatten", attributes="dim unflattened_size", explain=explain_reshape, **_RESHAPE)
define("view reshape", listed="shape", explain=explain_reshape, diagnose=(diagnose_view,), **_RESHAPE)
define("view_as reshape_as", explain=explain_reshape, **_RESHAPE)
define(
    "squeeze",
    arguments="input dim",
    explain=moving(Message("{name} removes dimensions of size 1; the values stay the same: {output}.")),
    **_RESHAPE,
)
define(
    "unsqueeze",
    arguments="input dim",
    explain=moving(Message("{name} adds a dimension of size 1; the values stay the same: {output}.")),
    stays_in_front=never,
    **_RESHAPE,
)
for _functions, _arguments, _order in (
    ("permute", "", _permuted),
    ("transpose swapaxes swapdims", "input dim0 dim1", _transposed),
    ("movedim moveaxis", "input source destination", _relocated),
    ("T t H", "", _reversed),
    ("mT mH adjoint", "", _last_two),
):
    define(
        _functions,
        kind="reshape",
        arguments=_arguments,
        listed="dims" if _functions == "permute" else "",
        reorders=True,
        explain=partial(explain_order, _order),
        reach=partial(reach_order, _order),
        batch_axis=partial(_batch_axis_of_order, _order),
        stays_in_front=(lambda arguments: bool(arguments.get("dims", (1,))[0] == 0))
        if _functions == "permute"
        else never,
    )
define(
    "getitem",
    kind="reshape",
    arguments="input index",
    complete=_index,
    explain=explain_part,
    reach=reach_index,
    batch_axis=_batch_axis_of_index,
    stays_in_front=_stays_where_indexed,
)
for _functions, _arguments in (("select", "input dim index"), ("unbind", "input dim")):
    define(
        _functions,
        kind="reshape",
        arguments=_arguments,
        explain=explain_part,
        reach=reach_selection,
        batch_axis=_batch_axis_without_one,
        stays_in_front=never,
    )
for _functions, _arguments in (
    ("chunk", "input chunks dim"),
    ("split", "input split_size dim"),
    ("narrow", "input dim start length"),
):
    define(_functions, kind="reshape", arguments=_arguments, explain=explain_part, reach=reach_part)
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
)
define(
    "repeat tile",
    kind="reshape",
    explain=moving(Message("{name} repeats its input several times side by side: {output}.")),
    reach=reach_tiles,
)
define(
    "repeat_interleave",
    arguments="input repeats dim",
    explain=moving(Message("{name} repeats each value several times: {output}.")),
    reach=reach_repetition,
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
