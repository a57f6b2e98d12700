"""The chain of formulas, with numbers filled in, from the input to one op's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from cnnviz.language import Message, sentences
from cnnviz.operations.explaining import explain
from cnnviz.operations.op import MODEL_INPUT, Failure, Op, Shape, shape_text
from cnnviz.shapes.blame import compare
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True)
class Step:
    """One link of a derivation: an op, its rule, the rule with numbers, the shape that comes out.

    ``notes`` add what the rule does not say, such as rows that are never read.
    """

    op: Op
    rule: str
    substituted: str
    result: Shape
    sentence: Message
    notes: tuple[Message, ...] = ()

    @property
    def text(self) -> str:
        """The step in sentences of the current language, the notes after the first."""
        return sentences((self.sentence, *self.notes))

    @property
    def reshapes(self) -> bool:
        """Whether the output has a different shape from the input."""
        return self.op.input_shapes[:1] != (self.result,)


@dataclass(frozen=True)
class Derivation:
    """How the shape of ``layer`` comes about, from the input shape on.

    ``steps`` are the ops that every path from the input to the layer passes through, in order; :func:`branches`
    gives what happens in parallel between two of them. ``failure`` is set where the layer refuses what arrives.
    """

    layer: str
    input_shape: Shape
    steps: tuple[Step, ...]
    failure: Failure | None = None

    @property
    def chain(self) -> str:
        """The steps that change the shape in one line: ``1 x 28 x 28 -> (28 - 5)/1 + 1 = 24 -> ...``."""
        links = [shape_text(self.input_shape)]
        for step in self.steps:
            if step.op.input_shapes and step.reshapes:
                links.append(step.substituted)
        return " -> ".join(links)


def derive(trace: Trace, index: int) -> Derivation:
    """Derive the shape of the op at ``index``."""
    return Derivation(trace.ops[index].name, trace.input_shape, _steps(trace, _through(trace, index)))


def derive_failure(trace: Trace) -> Derivation:
    """Derive what arrived at the call where the trace ended early.

    Raises:
        ValueError: the trace did not fail.
    """
    if trace.failure is None:
        raise ValueError("the trace did not fail")
    steps = _arrived(trace, trace.failure.inputs)
    return Derivation(trace.failure.name, trace.input_shape, steps, trace.failure)


def _arrived(trace: Trace, inputs: Sequence[int]) -> tuple[Step, ...]:
    """The steps to the last of the ops whose outputs a call received."""
    arrived = [index for index in inputs if index >= 0]
    return _steps(trace, _through(trace, max(arrived))) if arrived else ()


def beside(working: Trace, broken: Trace) -> tuple[tuple[str, Step | None, Step | None], ...]:
    """The :func:`stations` on the way to the call where ``broken`` ended, and on the way to it in ``working``.

    For each its op's name, and the step in either; None where a trace has no such step on this way. Of a call
    that joins branches, the steps of each branch are among them. Where ``working`` does not make the call, its
    whole way is told.

    Raises:
        ValueError: ``broken`` did not fail.
    """
    failure = broken.failure
    if failure is None:
        raise ValueError("the trace did not fail")
    ends = [op.inputs for op in working.ops if op.name == failure.name] or [(len(working.ops) - 1,)]
    (before, told), (after, told_here) = _way(working, ends[0]), _way(broken, failure.inputs)
    names = [pair.name for pair in compare(working, broken) if pair.name in told | told_here]
    return tuple((name, before.get(name), after.get(name)) for name in names)


def _way(trace: Trace, inputs: Sequence[int]) -> tuple[dict[str, Step], set[str]]:
    """All steps to a call by name, those of the branches that it joins, too; and which of them are worth telling."""
    steps = _arrived(trace, inputs)
    joined = [step for branch in branches(trace, inputs) for step in branch]
    told = [*stations(trace.input_shape, steps), *joined]
    return {step.op.name: step for step in (*steps, *joined)}, {step.op.name for step in told}


def linear_indices(trace: Trace) -> tuple[int, ...]:
    """The ops whose ``in_features`` needs an explanation."""
    return tuple(op.index for op in trace.ops if op.kind == "linear" and "in_features" in op.arguments)


def meetings(trace: Trace, index: int) -> tuple[int, ...]:
    """The ops on the way from the input to the op at ``index`` in which branches meet, itself included."""
    on_the_way, waiting = set[int](), [index]
    while waiting:
        current = waiting.pop()
        if current != MODEL_INPUT and current not in on_the_way:
            on_the_way.add(current)
            waiting += trace.ops[current].inputs
    return tuple(i for i in sorted(on_the_way) if len(trace.ops[i].inputs) > 1)


def branches(trace: Trace, inputs: Sequence[int]) -> tuple[tuple[Step, ...], ...]:
    """The steps of each of the ``inputs`` of a merging op (or of a failed merge), from where the branches split.

    A branch without steps (a residual connection's shortcut) is an empty tuple.
    """
    return _branches(trace, _dominators(trace, max(inputs)), inputs) if len(inputs) > 1 else ()


def side_by_side(trace: Trace, derivation: Derivation) -> dict[str, tuple[tuple[Step, ...], ...]]:
    """By name, the :func:`branches` of every op on the way to the layer of ``derivation`` in which branches meet.

    The call at which a trace ended is included. Branches between an op and itself, as in ``x * x``, are left out.
    """
    failure = trace.failure if trace.failure and trace.failure.name == derivation.layer else None
    ends = failure.inputs if failure else tuple(step.op.index for step in derivation.steps[-1:])
    above = _dominators(trace, max((*ends, MODEL_INPUT)))
    found = {index for end in ends if end != MODEL_INPUT for index in meetings(trace, end)}
    inputs = {trace.ops[index].name: trace.ops[index].inputs for index in sorted(found)}
    if failure:
        inputs[failure.name] = failure.inputs
    told = {name: _branches(trace, above, sources) for name, sources in inputs.items()}
    return {name: steps for name, steps in told.items() if any(steps)}


def _branches(trace: Trace, above: Sequence[int], inputs: Sequence[int]) -> tuple[tuple[Step, ...], ...]:
    parted = _meeting(above, inputs)
    return tuple(_steps(trace, _chain(above, source, parted)) for source in inputs)


def _steps(trace: Trace, indices: list[int]) -> tuple[Step, ...]:
    told: set[str] = set()  # what holds for every op of a kind is said at the first of them only
    steps = []
    for index in indices:
        op, why = trace.ops[index], explain(trace.ops[index], trace.ops)
        news = tuple(note for note in why.background if index == indices[-1] or note.template not in told)
        told.update(note.template for note in news)
        steps.append(Step(op, why.rule, why.substituted, op.output_shape, why.sentence, (*why.notes, *news)))
    return tuple(steps)


def _through(trace: Trace, index: int) -> list[int]:
    return _chain(_dominators(trace, index), index, MODEL_INPUT)


def _dominators(trace: Trace, last: int) -> list[int]:
    """For each op up to ``last``, the nearest op before it that every path from the input goes through.

    -1 is the input; an op that does not depend on it, such as a constant made in the forward pass, has
    ``_NOWHERE``. These are the immediate dominators of Cooper, Harvey and Kennedy 2001, "A
    Simple, Fast Dominance Algorithm"; as ops are in the order of execution, one pass is enough.
    """
    above: list[int] = []
    for op in trace.ops[: last + 1]:
        above.append(_meeting(above, op.inputs))
    return above


_NOWHERE = -2


def _meeting(above: Sequence[int], inputs: Sequence[int]) -> int:
    """The nearest op that all paths to ``inputs`` pass through, ignoring those that start at a constant."""
    sources = [index for index in inputs if index == MODEL_INPUT or above[index] != _NOWHERE]
    return reduce(lambda one, other: _common(above, one, other), sources) if sources else _NOWHERE


def _common(above: Sequence[int], one: int, other: int) -> int:
    while one != other:
        one, other = (above[one], other) if one > other else (one, above[other])
    return one


def _chain(above: Sequence[int], index: int, end: int) -> list[int]:
    """The ops from after ``end`` to ``index`` that every path goes through, in order."""
    found = []
    while index > end:
        found.append(index)
        index = above[index]
    return found[::-1]


MOST_STATIONS = 14
_FEW = 3


def stations(start: Shape, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The shapes worth a picture: those of ``steps`` (of a derivation from ``start``) that change the shape or
    merge.

    If there are hardly any, all steps. If there are more than a picture holds, only those that change the shape,
    and, if those are still too many, only the first and the last at each height and width.
    """
    results = [start, *(step.result for step in steps)]
    changing = [step for before, step in zip(results, steps, strict=False) if before != step.result]
    merging = [step for step in steps if step.op.kind == "merge"]
    told = sorted({step.op.index: step for step in (*changing, *merging)}.items())
    if len(told) < _FEW:
        return tuple(steps[-MOST_STATIONS:])
    if len(told) <= MOST_STATIONS:
        return tuple(step for _, step in told)
    if len(changing) <= MOST_STATIONS:
        return tuple(changing)
    sizes = [None, *(_size(step) for step in changing), None]
    return tuple(
        step
        for before, step, after in zip(sizes, changing, sizes[2:], strict=False)
        if _size(step) != before or _size(step) != after
    )


def _size(step: Step) -> Shape:
    """Height and width; empty if there are none."""
    return step.result[1:]
