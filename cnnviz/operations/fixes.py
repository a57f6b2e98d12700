"""Edits of a single argument that could fix a failure, worked out from shapes; :mod:`cnnviz.tracing.failures` tries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from cnnviz.operations.diagnosis import channels_from, layer_text
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Fix, Op, Shape
from cnnviz.operations.operation import operation_of
from cnnviz.operations.window_arithmetic import Side, sides


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
    """Edits of one layer of ``branch`` each with which its maps get ``size``; those first that keep the layer's own size."""
    changes = [
        change
        for argument in ("padding", "stride", "kernel_size")
        for change in _changes(branch, size, argument)
    ]
    for change in sorted(changes, key=lambda change: not change.natural):  # the order is kept else
        yield from fix(change.op.module, change.op.type, change.op.arguments, change.argument, change.value)


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
    along = sides(way[0])
    assert along is not None
    first = _with(way[0], argument, (value,) * len(along))
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
    return received if op.input_shapes[0][1:] == op.output_shape[1:] else None
