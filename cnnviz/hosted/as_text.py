"""A live model as a text that trains without its program: a run, its checkpoint and its export need nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnviz.errors import CnnvizError
from cnnviz.hosted.protocol import Facts
from cnnviz.language import Message
from cnnviz.own import asking
from cnnviz.own.architecture import remember
from cnnviz.own.definition import Definition
from cnnviz.own.facts import facts_of

if TYPE_CHECKING:
    from cnnviz.own.reading import Problem
    from cnnviz.tracing.trace import Trace


def key_of_text(facts: Facts, trace: Trace) -> str:
    """The key of the own network that the code of a live model is; that is read, not run, and known here from now on.

    ``trace`` is the live model's: the network that is read has to be the same one.

    Raises:
        CnnvizError: the code cannot be read, or gives another network; the message says what to do.
    """
    if facts.source is None:
        raise _untrainable(facts, Message("the code that defines it is in no file."))
    definition = Definition(facts.source, facts.title, facts.arguments, trace.input_shape)
    reading = asking.read(definition)
    if reading.problem is not None:
        raise _untrainable(facts, _told(reading.problem))
    assert reading.trace is not None
    if _layers(reading.trace) != _layers(trace):
        raise _untrainable(
            facts,
            Message(
                "read by itself, its code gives another network, without what its program adds "
                "(arguments of the constructor, say)."
            ),
        )
    found = facts_of(definition, reading)
    remember(found)
    return found.key


def _told(problem: Problem) -> Message:
    if problem.line is None:
        return problem.message
    return Message("line {line}: {problem}", line=problem.line, problem=problem.message)


def _layers(trace: Trace) -> list[tuple[object, ...]]:
    return [(op.name, op.type, op.output_shape, op.params) for op in trace.ops]


def _untrainable(facts: Facts, reason: Message) -> CnnvizError:
    return CnnvizError(
        Message(
            "{place} cannot be trained here. A run must not depend on your program, so cnnviz reads the code as text, "
            "and that fails: {reason} Train it in your own program; with cnnviz.explore you can watch it "
            "here meanwhile.",
            place=facts.place,
            reason=reason,
        )
    )
