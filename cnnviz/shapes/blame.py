"""Two traces of one network compared: what an edit changed, and which choice a failure goes back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Failure, Op, Shape, shape_text
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True)
class Pairing:
    """The op of one name before and after an edit; None if the pass did not reach it."""

    name: str
    before: Op | None
    after: Op | None

    @property
    def changed(self) -> bool:
        """Whether shape, parameters or multiply-adds differ, or one of the two is missing."""
        if self.before is None or self.after is None:
            return True
        return _figures(self.before) != _figures(self.after)


def compare(before: Trace, after: Trace) -> tuple[Pairing, ...]:
    """All ops of both traces in the order of execution; an op of one trace alone stands where that one ran it."""
    old, new = ({op.name: op for op in trace.ops} for trace in (before, after))
    names: list[str] = []
    waiting = iter(new)
    for name in old:
        if name in new:  # what ``after`` ran before it, and ``before`` did not, comes first
            for other in waiting:
                if other == name:
                    break
                if other not in old:
                    names.append(other)
        names.append(name)
    names += [name for name in waiting if name not in old]
    return tuple(Pairing(name, old.get(name), new.get(name)) for name in names)


def _figures(op: Op) -> tuple[object, ...]:
    return op.type, op.output_shape, op.params, op.macs


_CHANNELS, _SIZE = "channels", "size"
_DECIDE_SIZE = frozenset("kernel_size stride padding dilation output_size ceil_mode output_padding".split())
_DECIDE_CHANNELS = frozenset(("out_channels", "out_features"))
_EXPECT = frozenset(
    "in_channels in_features num_features num_channels num_groups normalized_shape groups kernel_size padding "
    "dilation".split()
)
"""Arguments that decide what a layer accepts."""


def with_blame(broken: Trace, working: Trace, edits: Mapping[str, object]) -> Trace:
    """``broken``, its diagnosis naming the edit (or the input) that is to blame.

    Args:
        broken: a trace that ended early; any other is returned unchanged.
        working: the trace of the same network without edits, with the input it was designed for.
        edits: what was changed: the new value for each path.
    """
    failure = broken.failure
    if failure is None or working.failure is not None:
        return broken
    cause = _cause(_Comparison(broken, working, failure), edits)
    return broken if cause is None else replace(broken, failure=replace(failure, cause=cause))


class _Comparison:
    """What differs from the working trace, found by going back from what the failing call received.

    ``axes`` says for each such op whether its channels or its size differ and matter to the failure;
    ``unexplained`` are the ops whose output differs although their input does not.
    """

    def __init__(self, broken: Trace, working: Trace, failure: Failure) -> None:
        self.broken, self.working = broken, working
        self.before = {op.name: op for op in working.ops}
        self.failing = self.before.get(failure.name)
        self.axes: dict[int, set[str]] = {}
        self.of_input = False
        waiting = [(index, frozenset((_CHANNELS, _SIZE))) for index in failure.inputs]
        while waiting:
            index, wanted = waiting.pop()
            found = self._differing(index) & wanted
            if index == MODEL_INPUT:
                self.of_input = self.of_input or bool(found)
            elif not found <= self.axes.get(index, set()):
                self.axes.setdefault(index, set()).update(found)
                op = broken.ops[index]
                waiting += [(source, _inherited(op, found)) for source in op.inputs]

    def _differing(self, index: int) -> frozenset[str]:
        if index == MODEL_INPUT:
            return _differing(self.broken.input_shape, self.working.input_shape)
        op = self.broken.ops[index]
        old = self.before.get(op.name)
        return frozenset((_CHANNELS, _SIZE)) if old is None else _differing(op.output_shape, old.output_shape)

    @property
    def unexplained(self) -> set[str]:
        """The modules, by path, where a difference begins."""
        return {
            op.module or op.name
            for op in (self.broken.ops[index] for index in self.axes)
            if not any(self._differing(i) & _inherited(op, frozenset(self.axes[op.index])) for i in op.inputs)
        }


def _differing(now: Shape, before: Shape) -> frozenset[str]:
    parts = ((_CHANNELS, now[:1] != before[:1]), (_SIZE, now[1:] != before[1:]))
    return frozenset(axis for axis, differs in parts if differs)


def _inherited(op: Op, axes: frozenset[str]) -> frozenset[str]:
    """Which of the differences in the output of ``op`` may come from its input."""
    if "out_features" in op.arguments:  # on maps with channels last it sets the last dimension alone
        return frozenset() if len(op.output_shape) == 1 else frozenset((_CHANNELS, _SIZE))
    if "output_size" in op.arguments:
        return axes & {_CHANNELS}
    if "out_channels" in op.arguments:
        return axes & {_SIZE}
    if op.kind == "reshape" or (op.input_shapes and len(op.input_shapes[0]) != len(op.output_shape)):
        return frozenset((_CHANNELS, _SIZE))  # a flatten turns one into the other, a permute swaps them
    return axes


def _cause(found: _Comparison, edits: Mapping[str, object]) -> Message | None:
    choices = tuple(_choices(found, edits))
    if not choices:
        return None
    ops = [found.broken.ops[index] for index in sorted(found.axes)]
    told = [op for op in ops if op.name in found.before and op.kind != "reshape"]
    if not told:
        return Message("Cause: {choices}.", choices=_Listed(choices))
    ends = (
        [told[0], told[-1]] if len(told) > 1 else told
    )  # where the difference begins, and what has become of it
    return Message(
        "Cause: {choices}: {differences}.",
        choices=_Listed(choices),
        differences=_Listed(tuple(_difference(op, found.before[op.name]) for op in ends)),
    )


def _difference(now: Op, before: Op) -> Message:
    return Message(
        "{op} outputs {now} instead of {before}",
        op=now.title,
        now=shape_text(now.output_shape),
        before=shape_text(before.output_shape),
    )


@dataclass(frozen=True)
class _Listed:
    """Messages in a row, translated when they are shown."""

    parts: tuple[Message, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.parts))


def _choices(found: _Comparison, edits: Mapping[str, object]) -> Iterator[Message]:
    if found.of_input:
        yield Message(
            "input {now} instead of {before}",
            now=shape_text(found.broken.input_shape),
            before=shape_text(found.working.input_shape),
        )
    unexplained = found.unexplained
    for path, value in edits.items():
        layer, _, argument = path.rpartition(".")
        ops = [op for op in map(found.broken.ops.__getitem__, found.axes) if layer and op.module == layer]
        decided = [op for op in ops if _decides(argument, found.axes[op.index])]
        if decided and decided[0].name in found.before:
            yield _instead(path, value, found.before[decided[0].name].arguments.get(argument))
            unexplained.discard(layer)
        elif layer and found.failing is not None and found.failing.module == layer and argument in _EXPECT:
            yield _instead(path, value, found.failing.arguments.get(argument))
    if unexplained:  # an option of the builder may have changed any layer; its path has no dot
        yield from (_instead(path, value, None) for path, value in edits.items() if "." not in path)


def _decides(argument: str, axes: set[str]) -> bool:
    return (argument in _DECIDE_SIZE and _SIZE in axes) or (
        argument in _DECIDE_CHANNELS and _CHANNELS in axes
    )


def _instead(path: str, now: object, before: object) -> Message:
    values = {"path": path, "now": _shown(now), "before": _shown(before)}
    if before is None or values["now"] == values["before"]:
        return Message("{path} = {now}", **values)
    return Message("{path} = {now} instead of {before}", **values)


def _shown(value: object) -> str:
    if isinstance(value, (tuple, list)) and value and all(isinstance(size, int) for size in value):
        return str(value[0]) if len(set(value)) == 1 else shape_text(tuple(value))
    return str(value)
