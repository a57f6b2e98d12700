"""Edits that could make branches meet: of which layer, and what, is read off the way each branch takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cnnviz.operations.failure.merging import differing
from cnnviz.operations.failure.origin import layer_text
from cnnviz.operations.op import JOINING, MODEL_INPUT, FailedCall, Fix, Op, Shape
from cnnviz.operations.rules.windows import Side, sides

_LARGEST_STRIDE = 8
_REACH = 64
"""How far from its present value an argument is looked for."""


@dataclass(frozen=True)
class _Change:
    """Another value for an argument of one op of a branch; ``natural`` where it keeps the op's own size."""

    op: Op
    argument: str
    value: Shape
    natural: bool = False


def for_branches(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Edits of single layers that could bring the inputs of a merging call to one shape.

    First the branch whose shape the fewest share, then the one that was computed last: a shortcut comes first.
    """
    shapes, places = failed.input_shapes, range(len(failed.input_shapes))
    sharing = [sum(not differing(failed, shape, other) for other in shapes) for shape in shapes]
    for place in sorted(places, key=lambda place: (sharing[place], -failed.inputs[place])):
        branch = _own(failed.inputs, place, ops)
        others = sorted((p for p in places if p != place), key=lambda p: -sharing[p])
        target = next((shapes[p] for p in others if differing(failed, shapes[place], shapes[p])), None)
        if branch and target is not None:
            yield from _mended(failed, branch, shapes[place], target)


def for_size(inputs: Sequence[int], ops: Sequence[Op], size: Shape) -> Iterator[Fix]:
    """Edits of single layers on the way to the first of ``inputs`` that could make its maps so large."""
    yield from _resized(_own(inputs, 0, ops), size)


def _own(inputs: Sequence[int], place: int, ops: Sequence[Op]) -> list[Op]:
    """The end of a branch, from the last op that another branch shares, or that has several inputs."""
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


def _mended(failed: FailedCall, branch: list[Op], shape: Shape, target: Shape) -> Iterator[Fix]:
    if len(shape) != len(target):
        return
    if shape[1:] != target[1:]:
        yield from _resized(branch, target[1:])
    if shape[0] != target[0] and not (failed.type in JOINING and failed.arguments.get("dim") == 1):
        for op in reversed(branch):
            for argument in ("out_channels", "out_features"):
                if argument in op.arguments:
                    if op.module is not None:
                        yield _fix(op, argument, target[0])
                    return


def _resized(branch: list[Op], size: Shape) -> Iterator[Fix]:
    changes = [
        change
        for argument in ("padding", "stride", "kernel_size")
        for change in _changes(branch, size, argument)
    ]
    for change in sorted(changes, key=lambda change: not change.natural):  # the order is kept else
        yield _fix(change.op, change.argument, change.value)


def _fix(op: Op, argument: str, value: object) -> Fix:
    single = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
    text = layer_text(op.type, {**op.arguments, argument: value})
    return Fix(f"{op.module}.{argument}", list(single) if isinstance(single, tuple) else single, text)


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
    """What ``argument`` may become, not far from what it is: a link may ask for kernels of any size."""
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
    """Whether ``value``, given to the first op of ``way``, makes its end have the wanted size along ``axis``."""
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
    """The shape after ``op`` if ``received`` comes in; None where it cannot be told."""
    along = sides(op, received)
    if along is not None:
        counts = tuple(side.count for side in along)
        return (op.output_shape[0], *counts) if min(counts) > 0 else None
    if "output_size" in op.arguments:
        return op.output_shape
    return received if op.input_shapes[0][1:] == op.output_shape[1:] else None
