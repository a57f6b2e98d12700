"""A lesson's question as one that is checked: its answer computed where the file does not say it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.lessons.course.lesson import Exercise, OfNetwork, OfWindow, Question
from cnnviz.lessons.exercises import question as exercise
from cnnviz.lessons.exercises.answers import read_number, read_sizes
from cnnviz.shapes.sliding_window import Window, side_along

if TYPE_CHECKING:
    from cnnviz.lessons.exercises.source import Source
    from cnnviz.operations.op import Op
    from cnnviz.tracing.trace import Trace

SourceOf = Callable[[str], "Source"]
"""Gives a network by its name in links."""

_ALONE = "lesson"
"""The kind of a question that no generator made."""


def checked(question: Question, source_of: SourceOf) -> exercise.Question:
    """The question with its answer; what is written is in the current language.

    Raises:
        CnnvizError: it asks about a network, a layer or a value that does not exist, or no such exercise can be made.
    """
    if question.exercise is not None:
        return _generated(question.exercise, source_of)
    assert question.ask is not None  # the reader has checked it
    prompt = Message(question.ask.text)
    if question.choices:
        right = next(choice for choice in question.choices if choice.why is None)
        return _question(
            "choice",
            prompt,
            str(Message(right.text.text)),
            choices=tuple(str(Message(choice.text.text)) for choice in question.choices),
            slips=tuple(
                exercise.Slip(str(Message(choice.text.text)), Message(choice.why.text))
                for choice in question.choices
                if choice.why is not None
            ),
        )
    answer, solution = _answer(question, source_of)
    wrong = [(_typed(each.answer), Message(each.why.text)) for each in question.wrong]
    return _question(
        _form(question, answer), prompt, answer, slips=exercise.slips(answer, wrong), solution=solution
    )


def _question(
    form: exercise.Form,
    prompt: Message,
    answer: exercise.Answer,
    *,
    choices: tuple[str, ...] = (),
    slips: tuple[exercise.Slip, ...] = (),
    solution: tuple[Message | str, ...] = (),
) -> exercise.Question:
    return exercise.Question(_ALONE, 1, form, prompt, answer, solution, choices=choices, slips=slips)


def _generated(asked: Exercise, source_of: SourceOf) -> exercise.Question:
    from cnnviz.lessons.exercises.generating import questions

    level = cast("exercise.Level", asked.level)
    found = questions(asked.seed, level, (asked.kind,), (asked.network,), source_of, count=1)
    if not found:
        raise UsageError(
            Message(
                "The network {network} offers no exercise of the kind {kind}: choose another one.",
                network=asked.network,
                kind=asked.kind,
            )
        )
    return found[0]


def _answer(question: Question, source_of: SourceOf) -> tuple[exercise.Answer, tuple[Message | str, ...]]:
    """The answer, and the formula that gives it where there is one."""
    asked = question.answer
    if isinstance(asked, OfWindow):
        side = side_along(window_of(asked), asked.size)
        return side.count, (side.formula,)
    if isinstance(asked, OfNetwork):
        return _of_network(asked, source_of)
    return _typed(str(asked)), ()


def window_of(asked: OfWindow) -> Window:
    """The window that is asked about."""
    return Window(asked.kernel, asked.stride, asked.padding, asked.dilation, asked.ceil_mode, asked.pooling)


def _form(question: Question, answer: exercise.Answer) -> exercise.Form:
    asked = question.answer
    if isinstance(answer, tuple):
        return "shape"
    is_side = isinstance(asked, OfWindow) or (
        isinstance(asked, OfNetwork) and asked.value == "receptive_field"
    )
    return "side" if is_side else "number"


def _typed(text: str) -> exercise.Answer:
    """An answer as a file has it: a shape where it lists several sizes, else a number."""
    sizes = read_sizes(text)
    if sizes is not None and len(sizes) > 1:
        return sizes
    number = read_number(text)
    assert number is not None, text  # the reader has checked it
    return number


def _of_network(asked: OfNetwork, source_of: SourceOf) -> tuple[exercise.Answer, tuple[Message | str, ...]]:
    traced = source_of(asked.network).traced({path: json.loads(value) for path, value in asked.edits})
    op = traced.op(asked.layer)
    if asked.value == "shape":
        return op.output_shape, ()
    if asked.value == "receptive_field":
        return _field(traced, op), ()
    return _number(op, asked.value)


def _number(op: Op, value: str) -> tuple[int, tuple[Message | str, ...]]:
    from cnnviz.shapes.counting import macs_formula, parameter_formula

    if value == "params":
        return op.params, (parameter_formula(op) or str(op.params),)
    if value == "macs":
        return op.macs, (macs_formula(op) or str(op.macs),)
    found = op.arguments.get(value)
    if not isinstance(found, int):
        raise UsageError(Message("{layer} has no {value}: ask about a Linear.", layer=op.name, value=value))
    return found, ()


def _field(traced: Trace, op: Op) -> int:
    """The side of the receptive field, in pixels."""
    from cnnviz.shapes.receptive_field import receptive_fields

    return int(receptive_fields(traced)[op.index].size[-1])
