"""Warnings about a network that runs, but hardly does what its author meant.

Each rule is a function that reads a trace and yields warnings; a rule speaks only where it is sure of what it says.
Add one to ``_RULES`` and it appears below the table, on the page, in the command line's text and in its JSON.
Importing this imports no torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.operations.operation import operation_of

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace


@dataclass(frozen=True)
class NetworkWarning:
    """Something that a network's author has probably not meant.

    ``code`` names the rule (stable, for scripts); ``op`` is the index of the op that it is about, None where it is
    about no single op, and ``name`` that op's name or the path of a layer or tensor. ``text`` says what is the case,
    ``reason`` why that matters and what to do.
    """

    code: str
    name: str
    text: Message
    reason: Message
    op: int | None = None

    def __str__(self) -> str:
        return f"{self.text} {self.reason}"


Rule = Callable[["_Network"], Iterator[NetworkWarning]]


class _Network:
    """A trace as rules read it: forwards and backwards."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.ops = trace.ops
        self.uses = Counter(source for op in trace.ops for source in set(op.inputs))
        self.reached = _reached(trace.ops)

    def before(self, op: Op, *also: str) -> Op | None:
        """The op whose values ``op`` receives, over those that change no value (or are of a kind in ``also``).

        None where it is the model's input, where there are several, or where the values also go elsewhere.
        """
        while len(op.inputs) == 1 and op.inputs[0] != MODEL_INPUT:
            op = self.ops[op.inputs[0]]
            if self.uses[op.index] > 1 or any(output.op == op.index for output in self.trace.outputs):
                return None
            if not (_keeps_values(op) or op.kind in also):
                return op
        return None

    def returned(self) -> Iterator[Op]:
        """The ops whose outputs the model returned, before anything that changes no value."""
        for output in self.trace.outputs:
            if output.op is None or output.op == MODEL_INPUT:
                continue
            op = self.ops[output.op]
            while _keeps_values(op) and len(op.inputs) == 1 and op.inputs[0] != MODEL_INPUT:
                op = self.ops[op.inputs[0]]
            yield op


def _reached(ops: Sequence[Op]) -> frozenset[int]:
    """The ops (and -1) whose values depend on the model's input."""
    found = {MODEL_INPUT}
    for op in ops:
        if not found.isdisjoint(op.inputs):
            found.add(op.index)
    return frozenset(found)


def _keeps_values(op: Op) -> bool:
    """Whether, in evaluation, the same values come out in the same order."""
    return op.kind == "dropout" or op.base == "Identity" or operation_of(op).keeps_order


def warnings(trace: Trace) -> tuple[NetworkWarning, ...]:
    """All warnings about a network, in the order of the rules; for one that fails, those about the ops before."""
    network = _Network(trace)
    return tuple(warning for rule in _RULES for warning in rule(network))


# -- the end of the network ----------------------------------------------------------------------------


def floor(classes: int) -> float:
    """The smallest cross-entropy, in nats, where probabilities of so many ``classes`` are taken for scores.

    The best there is are 1 for the true class and 0 for the others: -ln(e / (e + classes - 1)).
    """
    return math.log(math.e + classes - 1) - 1


def _classes(op: Op) -> int | None:
    """How many values a softmax makes into probabilities; None where that cannot be told."""
    full = op.layout.full(op.output_shape, 2)
    dim = op.arguments.get("dim")
    axis = op.layout.axis(dim if isinstance(dim, int) else 1, len(full))
    return None if axis is None else op.output_shape[axis]


def _softmax_at_the_end(network: _Network) -> Iterator[NetworkWarning]:
    """A loss that computes the softmax itself computes it a second time."""
    ends = {op.index: op for op in network.returned()}
    for op in ends.values():
        gives, classes = operation_of(op).gives, _classes(op)
        if not gives or not classes or classes < 2 or network.trace.loss_fits:
            continue
        if op.inputs and op.inputs[0] in ends:  # with the scores beside it, one may take either
            continue
        values = {"name": op.title, "count": classes}
        if gives == "log probabilities":
            text = Message("{name} ends the network in log-probabilities of {count} classes.", **values)
            reason = Message(
                "NLLLoss is the loss for these. CrossEntropyLoss takes scores and computes the log-softmax itself, so "
                "with it you can leave this one out."
            )
        else:
            text = Message("{name} ends the network in probabilities of {count} classes.", **values)
            reason = Message(
                "CrossEntropyLoss takes scores and computes the softmax itself. Given probabilities, it cannot fall "
                "below {floor:.4f}, even if every answer is correct, and the network learns slowly. Return the "
                "scores, and apply the softmax only to show probabilities.",
                floor=floor(classes),
            )
        yield NetworkWarning("softmax-before-loss", op.name, text, reason, op.index)


# -- the images of a batch -----------------------------------------------------------------------------


def _mixed_images(network: _Network) -> Iterator[NetworkWarning]:
    """An output without a row for each image."""
    name = network.trace.mixing_op
    if name is None:
        return
    text = Message(
        "{op} mixes the images of a batch, so the output no longer has one row per image.", op=name
    )
    reason = Message("Use flatten(1) or view(x.size(0), -1) to keep the batch dimension.")
    yield NetworkWarning("mixed-images", name, text, reason, network.trace.op(name).index)


_RULES: tuple[Rule, ...] = (_mixed_images, _softmax_at_the_end)
