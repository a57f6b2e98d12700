"""A network that questions are asked about, and how its layers are written. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz.language import Message
from cnnviz.operations.diagnosis import layer_text
from cnnviz.operations.op import MODEL_INPUT, Op, shape_text

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

MOST_LINES = 26
"""Layers that a question shows at most: more are read by nobody."""

_KEEP_SHAPES = ("activation", "dropout")
_TAKE_ANY_SHAPE = (*_KEEP_SHAPES, "normalisation")

Edits = Mapping[str, object]


@dataclass(frozen=True)
class Source:
    """A network: ``key`` is its name in links, ``traced`` gives its trace with changes made (``fc.in_features``: 320)."""

    key: str
    title: Message | str
    traced: Callable[[Edits], Trace]

    @property
    def trace(self) -> Trace:
        """The network as it is."""
        return self.traced({})


def line(op: Op) -> str:
    """An op as a line of code: ``conv1 = Conv2d(1, 10, kernel_size=5)``; of a function its call."""
    return f"{op.name} = {layer_code(op)}" if op.module else f"{op.name}: {layer_code(op)}"


def layer_code(op: Op) -> str:
    """An op as code makes it: ``Conv2d(1, 10, kernel_size=5, bias=False)``."""
    text = layer_text(op.type, op.arguments)
    if op.kind in ("convolution", "linear") and op.arguments.get("bias") is False:
        text = f"{text[:-1]}, bias=False)"  # the number of parameters depends on it
    return text


def lines(ops: Sequence[Op], *, normalisation: bool = False, shapes: bool = False) -> tuple[str, ...]:
    """The lines of ``ops``, in the order in which they are called, but for those that leave every shape as it is.

    What does not read the line before it is followed by an arrow and what it reads (``x`` is the network's input).

    Args:
        ops: a network's ops up to some one, or a way through it.
        normalisation: whether normalisations are among them; they take one number of channels alone.
        shapes: whether each line says what shape comes out.
    """
    skipped = _KEEP_SHAPES if normalisation else _TAKE_ANY_SHAPE
    by_index = {op.index: op for op in ops}
    written, before = [], "x"
    for op in ops:
        if op.kind in skipped:
            continue
        reads = [_shown(index, by_index, skipped) for index in op.inputs]
        text = line(op) if len(reads) == 1 else f"{op.name}: {op.type}({', '.join(reads)})"
        text += f"  ← {reads[0]}" if len(reads) == 1 and reads[0] != before else ""
        written.append(f"{text}  → {shape_text(op.output_shape)}" if shapes else text)
        before = op.name
    return tuple(written)


def _shown(index: int, by_index: Mapping[int, Op], skipped: Sequence[str]) -> str:
    """The name of the last op on the way to ``index`` that has a line."""
    while index in by_index and by_index[index].kind in skipped:
        index = by_index[index].inputs[0]
    return by_index[index].name if index in by_index else "x"


def way_to(trace: Trace, index: int) -> tuple[Op, ...] | None:
    """The ops from the input to the one at ``index``, in order; None where branches meet on the way."""
    found: list[Op] = []
    while index != MODEL_INPUT:
        op = trace.ops[index]
        if len(op.inputs) != 1:
            return None
        found.append(op)
        index = op.inputs[0]
    return tuple(found[::-1])
