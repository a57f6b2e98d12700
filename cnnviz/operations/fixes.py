"""Edits of a single argument that could fix a failure, worked out from shapes; :mod:`cnnviz.tracing.failures` tries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product as product_of
from typing import cast

from cnnviz.operations.diagnosis import channels_from, layer_text
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Fix, Op, Shape, product
from cnnviz.operations.operation import named, operation_of
from cnnviz.operations.window_arithmetic import Side, sides, transposed_sizes


def candidates(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Edits worth trying for the call that ``failed`` after ``ops``, the most natural first; some may be impossible."""
    mend = operation_of(failed).mend
    if mend is None or not failed.input_shapes or not failed.input_shapes[0]:
        return
    # Some arguments are so unusual that nothing can be worked out from them.
    with suppress(TypeError, ValueError, IndexError, KeyError, ZeroDivisionError):
        yield from mend(failed, ops)


def fix(
    path: str | None, type_name: str, arguments: Mapping[str, object], argument: str, value: object
) -> Iterator[Fix]:
    """The edit that gives the layer at ``path`` another ``argument``; nothing for a function (no path)."""
    if path is not None:
        yield Fix(f"{path}.{argument}", sized(value), layer_text(type_name, {**arguments, argument: value}))


def sized(value: object) -> object:
    """A value as an edit takes it: one number where all sides agree, otherwise a list."""
    if not isinstance(value, tuple):
        return value
    return value[0] if len(set(value)) == 1 else list(value)


def of_origin(failed: FailedCall, ops: Sequence[Op], expected: object) -> Iterator[Fix]:
    """Make the layer that decided the channels (or features) produce the expected number."""
    index = channels_from(ops, failed.inputs[0])
    if index != MODEL_INPUT:
        op = ops[index]
        for argument in ("out_channels", "out_features"):
            if argument in op.arguments:
                yield from fix(op.module, op.type, op.arguments, argument, expected)


# -- one branch to another size ------------------------------------------------------------------------

_LARGEST_STRIDE = 8
_MOST_TRANSPOSED = 5
_REACH = 64
"""How far from its present value an argument is searched."""


@dataclass(frozen=True)
class _Change:
    """A new value for an argument of one op of a branch; ``natural`` if the op then keeps the size of its maps."""

    op: Op
    argument: str
    value: Shape
    natural: bool = False


def for_size(inputs: Sequence[int], ops: Sequence[Op], size: Shape) -> Iterator[Fix]:
    """Edits of single layers that could give the first of ``inputs`` maps of ``size``."""
    yield from resized(own_branch(inputs, 0, ops), size)


def own_branch(inputs: Sequence[int], place: int, ops: Sequence[Op]) -> list[Op]:
    """The part of a branch that belongs to it alone: after the last op that is shared or has several inputs."""
    others = set[int]().union(*(_ancestors(ops, i) for p, i in enumerate(inputs) if p != place))
    found: list[Op] = []
    index = inputs[place]
    while index != MODEL_INPUT and index not in others and len(ops[index].inputs) == 1:
        found.append(ops[index])
        index = ops[index].inputs[0]
    return found[::-1]


def _ancestors(ops: Sequence[Op], last: int) -> set[int]:
    found: set[int] = set()
    waiting = [last]
    while waiting:
        index = waiting.pop()
        if index != MODEL_INPUT and index not in found:
            found.add(index)
            waiting += ops[index].inputs
    return found


def resized(branch: list[Op], size: Shape) -> Iterator[Fix]:
    """Edits of one layer of ``branch`` each with which its maps get ``size``; those first that keep the layer's own size.

    Before all of them comes the ``output_padding`` of a transposed convolution, which is made for this.
    """
    for op in reversed(branch):
        padding = _output_padding(branch[branch.index(op) :], size)
        if padding is not None:
            yield from fix(op.module, op.type, op.arguments, "output_padding", padding)
    yield from _first_of_several(branch, size)
    changes = [
        change
        for argument in ("padding", "stride", "kernel_size")
        for change in _changes(branch, size, argument)
    ]
    for change in sorted(changes, key=lambda change: not change.natural):  # the order is kept else
        yield from fix(change.op.module, change.op.type, change.op.arguments, change.argument, change.value)


def _output_padding(way: list[Op], target: Shape) -> Shape | None:
    """The ``output_padding`` of the first op of ``way`` with which its end has the size ``target``."""
    op = way[0]
    given, stride, dilation = (op.arguments.get(name) for name in ("output_padding", "stride", "dilation"))
    if op.module is None or op.kind != "convolution" or named(op.base).slides:
        return None
    if not all(isinstance(value, tuple) and len(value) == len(target) for value in (given, stride, dilation)):
        return None
    limits = [max(pair) for pair in zip(cast(Shape, stride), cast(Shape, dilation), strict=True)]
    found = []
    for axis, limit in enumerate(limits):
        fitting = (n for n in range(limit) if _arrives(way, axis, "output_padding", n, target))
        found.append(next(fitting, None))
    return None if None in found else tuple(cast(list[int], found))


def _first_of_several(branch: list[Op], size: Shape) -> Iterator[Fix]:
    """The first ``output_padding`` where several transposed convolutions need one each."""
    places = [
        place
        for place, op in enumerate(branch)
        if op.module is not None and "output_padding" in op.arguments and not named(op.base).slides
    ]
    if not 1 < len(places) <= _MOST_TRANSPOSED:
        return
    for padded in sorted(product_of((0, 1), repeat=len(places)), key=sum):
        way = list(branch)
        for place, extra in zip(places, padded, strict=True):
            way[place] = _with(branch[place], "output_padding", (extra,) * len(size))
        if sum(padded) > 1 and _sizes_after(way) == size:
            op = branch[places[padded.index(1)]]
            yield from fix(op.module, op.type, op.arguments, "output_padding", (1,) * len(size))
            return


def _sizes_after(way: list[Op]) -> Shape | None:
    """The sizes at the end of a branch; None where they cannot be told."""
    received: Shape | None = way[0].input_shapes[0]
    for op in way:
        received = None if received is None else _passed(op, received)
    return None if received is None else received[1:]


def enlarges(op: Op) -> bool:
    """Whether ``op`` makes its maps larger, as a transposed convolution or an upsampling does."""
    grows = len(op.output_shape) > 1 and product(op.output_shape[1:]) > product(op.input_shapes[0][1:])
    return grows and (op.kind == "convolution" or "scale_factor" in op.arguments)


def _changes(branch: list[Op], target: Shape, argument: str) -> Iterator[_Change]:
    """Values of ``argument`` of any layer of ``branch``, the last first, that lead to the size ``target``."""
    for place in range(len(branch) - 1, -1, -1):
        op = branch[place]
        along = sides(op)
        if along is None or len(along) != len(target) or op.module is None:
            continue
        value = []
        for axis, side in enumerate(along):
            fitting = [
                v for v in _values(op, side, argument) if _arrives(branch[place:], axis, argument, v, target)
            ]
            present = getattr(side, _FIELDS[argument])
            value.append(min(fitting, key=lambda v: abs(v - present), default=None))
        if all(v is not None for v in value):
            chosen = tuple(int(str(v)) for v in value)
            changed = _with(op, argument, chosen)
            kept = sides(changed)
            natural = kept is not None and all(s.count == s.size and s.stride == 1 for s in kept)
            yield _Change(op, argument, chosen, natural)


_FIELDS: Mapping[str, str] = {"padding": "before", "stride": "stride", "kernel_size": "kernel"}


def _values(op: Op, side: Side, argument: str) -> range:
    """Values to try for ``argument``, near its present one, for a link may ask for kernels of any size."""
    if argument == "padding":
        most = side.kernel // 2 if op.kind == "pooling" else max(side.span - 1, 0)
        return range(max(0, side.before - _REACH), min(most, side.before + _REACH) + 1)
    if argument == "stride":
        return range(1, _LARGEST_STRIDE + 1)
    most = side.size + side.before + side.after
    return range(max(1, side.kernel - _REACH), min(most, side.kernel + _REACH) + 1)


def _with(op: Op, argument: str, value: Shape) -> Op:
    return replace(op, arguments={**op.arguments, argument: value})


def _arrives(way: list[Op], axis: int, argument: str, value: int, target: Shape) -> bool:
    """Whether ``value``, given to the first op of ``way``, leads to the ``target`` size along ``axis`` at its end."""
    first = _with(way[0], argument, (value,) * len(target))
    received = way[0].input_shapes[0]
    for op in (first, *way[1:]):
        passed = _passed(op, received)
        if passed is None:
            return False
        received = passed
    return received[1 + axis] == target[axis]


def _passed(op: Op, received: Shape) -> Shape | None:
    """The output shape of ``op`` for an input of shape ``received``; None where it cannot be told."""
    along = sides(op, received)
    if along is not None:
        counts = tuple(side.count for side in along)
        return (op.output_shape[0], *counts) if min(counts) > 0 else None
    if "output_size" in op.arguments:
        return op.output_shape
    if op.kind == "convolution" and not named(op.base).slides:
        return (op.output_shape[0], *transposed_sizes(op.arguments, received[1:]))
    factor = op.arguments.get("scale_factor")
    if isinstance(factor, (int, float)) and "size" not in op.arguments:
        return (received[0], *(int(size * factor) for size in received[1:]))
    return received if op.input_shapes[0][1:] == op.output_shape[1:] else None
