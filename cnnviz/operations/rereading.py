"""Views that run and hardly do what is meant: they cut the same row of values anew where the dimensions should be reordered.

A view copies nothing and moves no value. From height x width x channels to channels x height x width, the sizes change
places and the values stay where they are, so that each new channel holds pixels of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product
from cnnviz.operations.operation import operation_of

_MOST_COLOURS = 4


@dataclass(frozen=True)
class Reread:
    """What a view did: ``before`` and ``after``, and the ``order`` of dimensions (batch included) that was meant.

    The order is None where the view merges dimensions, too.
    """

    before: Shape
    after: Shape
    order: tuple[int, ...] | None


def reread(op: Op, ops: Sequence[Op]) -> Reread | None:
    """How ``op``, or it with the views before it, lets sizes change places without moving a value; None for others."""
    if not operation_of(op).keeps_order or op.layout.mixed or op.layout.place != 0:
        return None
    for source in _views_before(op, ops):
        before, after = source.input_shapes[0], op.output_shape
        if _trade_places(before, after) or _last_comes_first(source, after):
            order = _order(before, after) if len(before) == len(after) else None
            return Reread(before, after, order)
    return None


def _views_before(op: Op, ops: Sequence[Op]) -> Iterator[Op]:
    """``op``, and the one before it if that made one row of all values.

    Other views before it may merge what it splits in another way, as the grids of a MaxViT are.
    """
    yield op
    if op.inputs and op.inputs[0] != MODEL_INPUT:
        before = ops[op.inputs[0]]
        if operation_of(before).keeps_order and len(before.output_shape) == 1:
            yield before


def _trade_places(before: Shape, after: Shape) -> bool:
    """Whether the same sizes stand in another order; a size of 1 may stand anywhere."""
    rest, others = (tuple(size for size in shape if size > 1) for shape in (before, after))
    return rest != others and sorted(rest) == sorted(others)


def _last_comes_first(source: Op, after: Shape) -> bool:
    """Whether the last of three sizes became the first of two, and that is no split of the first into groups.

    Images with their colours last may have a height that is a multiple of their number.
    """
    before = source.input_shapes[0]
    if len(before) != 3 or len(after) != 2 or min(before) == 1 or after != (before[-1], product(before[:-1])):
        return False
    colours = source.inputs[0] == MODEL_INPUT and before[-1] <= _MOST_COLOURS < min(before[:-1])
    return before[0] != before[-1] and (colours or before[0] % before[-1] != 0)


def _order(before: Shape, after: Shape) -> tuple[int, ...]:
    """The dimensions of ``before``, counted with the batch, in the order in which ``after`` has their sizes."""
    left = list(range(len(before)))
    order = [0]
    for size in after:
        axis = next(axis for axis in left if before[axis] == size)
        left.remove(axis)
        order.append(axis + 1)
    return tuple(order)


def flattened_in_order_of_one(op: Op, ops: Sequence[Op]) -> Op | None:
    """The permute before a ``view`` of all values, where that view works only because a size is 1; None for others."""
    if op.base != "view" or len(op.output_shape) != 1 or not op.inputs:
        return None
    index = op.inputs[0]
    while index != MODEL_INPUT and operation_of(ops[index]).pointwise and len(ops[index].inputs) == 1:
        index = ops[index].inputs[0]
    maker = None if index == MODEL_INPUT else ops[index]
    if maker is None or not operation_of(maker).reorders:
        return None
    received, given = maker.input_shapes[0], maker.output_shape
    kept = [size for size in received if size > 1] == [size for size in given if size > 1]
    return maker if kept and 1 in received and received != given else None


def takes_batch_for_channels(op: Op) -> bool:
    """Whether a pooling gets one dimension fewer than it is made for, which it then takes for one image without a batch."""
    dimensions = operation_of(op).dimensions
    return op.kind == "pooling" and dimensions > 0 and len(op.input_shapes[0]) == dimensions
