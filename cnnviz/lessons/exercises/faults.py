"""Questions about networks that break: where, and which number mends them. A change injects the fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Level, Question, slips
from cnnviz.lessons.exercises.source import MOST_LINES, Edits, Source, lines
from cnnviz.operations.op import Failure, Op, Shape, shape_text

STILL_FITS = Message(
    "That line was changed, but what arrives there still fits. Its output no longer fits further on."
)
EXPECTED = Message("That is the number that stands there now, and it no longer fits.")

_TRIES = 12
_CAN_BREAK = ("convolution", "linear", "normalisation", "merge")


@dataclass(frozen=True)
class _Fault:
    """A network in which the line of ``changed`` was changed: its ops as they are written then, and where it ends."""

    changed: str
    ops: tuple[Op, ...]
    failure: Failure
    input_shape: Shape

    def lines(self, level: Level) -> tuple[str, ...]:
        """Its lines; at level 1 those up to the break, each before it with what comes out."""
        written = lines(self.ops, normalisation=True)
        if level > 1:
            return written
        reached = next(index for index, op in enumerate(self.ops) if op.name == self.failure.name)
        before = lines(self.ops[:reached], normalisation=True, shapes=True)
        return (*before, written[len(before)])


def breaking_layer(random: Random, level: Level, source: Source) -> Question | None:
    """Which line breaks after another number was written somewhere."""
    fault = _injected(random, level, source)
    if fault is None:
        return None
    return Question(
        kind="breaking-layer",
        level=level,
        form="choice",
        prompt=Message(
            "An image of {shape} enters this network. Which line does not fit what arrives there?",
            shape=shape_text(fault.input_shape),
        ),
        answer=fault.failure.name,
        choices=tuple(op.name for op in fault.ops if op.kind in _CAN_BREAK),
        slips=slips(fault.failure.name, [(fault.changed, STILL_FITS)]),
        solution=(fault.failure.reason,),
        given=fault.lines(max(level, 2)),
        network=source.key,
        layer=fault.failure.name,
    )


def mending_number(random: Random, level: Level, source: Source) -> Question | None:
    """Which number makes the broken line fit."""
    fault = _injected(random, level, source)
    if fault is None:
        return None
    fix = fault.failure.fix
    if fix is None or not isinstance(fix.value, int):
        return None
    layer, _, argument = fix.path.rpartition(".")
    if layer != fault.failure.name:
        return None
    expected = fault.failure.expected
    return Question(
        kind="mending-number",
        level=level,
        form="number",
        prompt=Message(
            "An image of {shape} enters this network, and {layer} breaks. Which {argument} mends it?",
            shape=shape_text(fault.input_shape),
            layer=layer,
            argument=argument,
        ),
        answer=fix.value,
        slips=slips(fix.value, [(expected if isinstance(expected, int) else None, EXPECTED)]),
        solution=(fault.failure.reason, fix.text),
        given=fault.lines(level),
        network=source.key,
        layer=layer,
    )


def _injected(random: Random, level: Level, source: Source) -> _Fault | None:
    """A change of one line with which the network ends at one of its lines."""
    trace = source.trace
    if not 1 < len(lines(trace.ops, normalisation=True)) <= MOST_LINES:
        return None
    names = [op.name for op in trace.ops]
    changeable = [op for op in trace.ops if op.module and op.kind in _CAN_BREAK]
    for _ in range(_TRIES if changeable else 0):
        op = random.choice(changeable)
        edits = _edit(random, level, op)
        broken = source.traced(edits) if edits else None
        if broken is not None and broken.failure is not None and broken.failure.name in names:
            ops = (*broken.ops, *trace.ops[len(broken.ops) :])
            return _Fault(
                op.name, tuple(_written(each, edits) for each in ops), broken.failure, trace.input_shape
            )
    return None


def _edit(random: Random, level: Level, op: Op) -> Edits:
    """Another number in one place of a layer's line."""
    if op.kind == "convolution":
        kernel, outputs = op.arguments.get("kernel_size"), op.arguments.get("out_channels")
        if op.arguments.get("groups") != 1 or not isinstance(outputs, int):
            return {}
        size = random.choice((2, 3, 4, 5, 7))
        if level > 1 and kernel != (size, size) and random.random() < 0.5:
            return {f"{op.module}.kernel_size": [size, size]}
        return {f"{op.module}.out_channels": max(1, outputs + random.choice((-2, 2, 4, 6)))}
    features = op.arguments.get("in_features")
    if op.kind == "linear" and isinstance(features, int):
        return {f"{op.module}.in_features": max(1, features + random.choice((-10, 10, 20, 64)))}
    return {}


def _written(op: Op, edits: Edits) -> Op:
    """``op`` with the arguments that ``edits`` give it, for its line of code."""
    arguments = dict(op.arguments)
    for path, value in edits.items():
        layer, _, name = path.rpartition(".")
        if layer == op.module:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return replace(op, arguments=arguments)
