"""Data movement: values get another shape, order or position, and none of them changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.arrangement import by_batch_size
from cnnviz.operations.batch_axis import (
    FRONT,
    MIXED,
    BatchCall,
    Layout,
    indexed,
    kept,
    moved,
    refactored,
    removed,
)
from cnnviz.operations.diagnosis import origins
from cnnviz.operations.explanation import Explanation, moving
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Failure, Op, Shape, called, product, shape_text
from cnnviz.operations.operation import define, never, operation_of
from cnnviz.operations.reach import Call, Lattice, Reach, UnknownError, listed

# -- shapes ------------------------------------------------------------------------------------------


def explain_reshape(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """The same values in another shape: flatten, view, reshape, unflatten."""
    received = op.input_shapes[0]
    if op.kind != "reshape" or product(received) != product(op.output_shape):
        return None
    if fixes_rows(op):
        return _explain_fixed_rows(op)
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


def fixes_rows(op: Op) -> bool:
    """Whether ``op`` makes a number of rows that stands in the code, such as ``view(64, -1)``, of any batch."""
    wanted = op.arguments.get("shape")
    first = wanted[0] if isinstance(wanted, tuple) and wanted else None
    return isinstance(first, int) and first > 0 and op.layout.place == 0 and not op.layout.alone


def _explain_fixed_rows(op: Op) -> Explanation:
    received, rows = op.input_shapes[0], cast(Shape, op.arguments["shape"])[0]
    sentence = Message(
        "{name} makes {rows} rows of the whole batch, however many images it has: a row is one image only in a batch "
        "of {rows}. The sizes shown are for a batch of two.",
        name=op.title,
        rows=rows,
    )
    substituted = f"N x {shape_text(received)} -> {rows} x N*{product(received)}/{rows}"
    return Explanation("N x n1 x n2 -> m1 x N*n1*n2/m1", substituted, sentence)


def _left_over(op: Op) -> tuple[Message, ...]:
    wanted = op.arguments.get("shape")
    if not isinstance(wanted, tuple) or -1 not in [size for size in wanted if isinstance(size, int)]:
        return ()
    return (Message("In a view, -1 stands for the size that follows from all the others."),)


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


def reach_reshape(call: Call) -> Reach:
    """The same values in the same order."""
    return call.first.reshaped(call.shape)


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


def _batch_axis_of_reshape(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return refactored(shape, layout, call.result, call.images)


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


# -- diagnosis -------------------------------------------------------------------------------------------


def diagnose_view(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A view whose shape has another number of values than its input."""
    wanted = call.arguments.get("shape")
    if not isinstance(wanted, tuple) or not all(isinstance(size, int) for size in wanted):
        return None
    received = call.input_shapes[0]
    if _fits(call, wanted):
        return _not_in_order(call, ops)
    if wanted and wanted[0] > 0 and (wanted[1:] == (-1,) or product(wanted[1:]) == product(received)):
        return _fixed_batch(call, wanted)
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
        advice=Message("flatten(1) works for any size.")
        if len(wanted) <= 2
        else Message(
            "The sizes after the batch must multiply to {count}, or one of them be -1.",
            count=product(received),
        ),
    )


def _fits(call: FailedCall, wanted: Shape) -> bool:
    """Whether the sizes multiply to the number of values of the batch."""
    values = call.images * product(call.input_shapes[0])
    known = product(tuple(size for size in wanted if size != -1))
    return values == known if -1 not in wanted else known > 0 and values % known == 0


def _fixed_batch(call: FailedCall, wanted: Shape) -> Failure:
    """``x.view(64, 3136)``: the number of images stands in the code."""
    received = call.input_shapes[0]
    reason = Message(
        "{name} wants {count} rows, one for each image of a batch of {count}: it fails for a batch of any other size.",
        name=f"{called(call.name, call.type)}({', '.join(map(str, wanted))})",
        count=wanted[0],
    )
    advice = by_batch_size(call.type, wanted)
    return Failure(call.name, call.type, reason, wanted, received, advice=advice, settled=True)


def _not_in_order(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """A view of values that do not lie in memory in the order in which it would read them."""
    received = call.input_shapes[0]
    maker = _out_of_order(ops, call.inputs[0])
    values = {
        "name": called(call.name, call.type),
        "shape": shape_text(received),
        "count": numbers.values(product(received)),
    }
    if maker is None:
        reason = Message(
            "{name} cannot read {shape} in this order: view copies nothing, and the values lie in memory in "
            "another order.",
            **values,
        )
        cause = None
    else:
        reason = Message(
            "{name} cannot read {shape} in this order: view copies nothing, and in memory the values still lie "
            "as before {maker}.",
            maker=maker.title,
            **values,
        )
        cause = None
        if operation_of(maker).reorders:
            cause = Message(
                "With a single channel (or any size of 1 that moves) the order in memory stays the same, and view works."
            )
    arguments = ", ".join(map(str, cast(Shape, call.arguments["shape"])))
    advice = Message(
        "Use reshape, which copies where it must: x.reshape({sizes}), or x.contiguous().view({sizes}).",
        sizes=_by_size(call, arguments),
    )
    return Failure(call.name, call.type, reason, None, received, cause=cause, advice=advice, settled=True)


def _by_size(call: FailedCall, arguments: str) -> str:
    """The sizes as one writes them: the number of images is read from the tensor."""
    first, comma, rest = arguments.partition(", ")
    return f"x.size(0){comma}{rest}" if first == str(call.images) else arguments


def _out_of_order(ops: Sequence[Op], index: int) -> Op | None:
    """The op before a view that left the values where they were, and only changed the order of reading them."""
    while index != MODEL_INPUT:
        op = ops[index]
        operation = operation_of(op)
        if operation.reorders or op.base in (
            "expand",
            "expand_as",
            "broadcast_to",
            "getitem",
            "narrow",
            "select",
            "chunk",
            "split",
        ):
            return op
        if not operation.pointwise or len(op.inputs) != 1:
            return None
        index = op.inputs[0]
    return None


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
