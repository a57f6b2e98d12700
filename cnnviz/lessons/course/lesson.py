"""What a lesson is: steps with text, a view of the app, and a question. Imports neither torch nor Streamlit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

Pairs = tuple[tuple[str, str], ...]
"""Parameters of a link, a pair for each value."""


@dataclass(frozen=True)
class Text:
    """Words of a lesson, Markdown without HTML, as its file has them: a template of the catalogue, where it is known there."""

    text: str


@dataclass(frozen=True)
class View:
    """A part of the app: ``page`` and ``view`` as in :mod:`cnnviz.lessons.course.places`, and the ``choices`` in its link."""

    page: str
    view: str
    choices: Pairs


@dataclass(frozen=True)
class Choice:
    """One of several answers; ``why`` says what is wrong with it, None of the right one."""

    text: Text
    why: Text | None


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that people give, as they write it, and what was forgotten."""

    answer: str
    why: Text


@dataclass(frozen=True)
class OfNetwork:
    """A number of a registered network, changed by ``edits`` (paths and JSON values), which its trace knows: ``value`` of ``layer``."""

    network: str
    layer: str
    value: str
    edits: Pairs = ()


@dataclass(frozen=True)
class OfWindow:
    """How many windows fit along one side of an input of ``size`` values."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    pooling: bool
    ceil_mode: bool


@dataclass(frozen=True)
class Exercise:
    """A generated question: the first of its set, see :mod:`cnnviz.lessons.exercises.generating`."""

    kind: str
    network: str
    level: int
    seed: int


@dataclass(frozen=True)
class Question:
    """A question with a check. ``before`` says that the view comes once it is answered.

    Either there are ``choices``, or an ``answer`` is typed, which the file says or the app computes. An ``exercise`` asks
    by itself, without ``ask``.
    """

    ask: Text | None
    before: bool
    choices: tuple[Choice, ...] = ()
    answer: str | OfNetwork | OfWindow | None = None
    wrong: tuple[Wrong, ...] = ()
    exercise: Exercise | None = None


@dataclass(frozen=True)
class Step:
    """One screen of a lesson; ``tried`` is what to try in the view, ``seen`` what one should have seen."""

    title: Text
    text: Text
    view: View | None
    tried: Text | None
    question: Question | None
    seen: Text | None


@dataclass(frozen=True)
class Lesson:
    """A lesson: ``key`` in links, ``minutes`` that it takes, the ``goal`` that it reaches."""

    key: str
    title: Text
    minutes: int
    goal: Text
    steps: tuple[Step, ...]


def texts(part: object) -> Iterator[str]:
    """Every text of a lesson, or of a part of it."""
    if isinstance(part, Text):
        yield part.text
    elif isinstance(part, tuple):
        for each in part:
            yield from texts(each)
    elif is_dataclass(part):
        for field in fields(part):
            yield from texts(getattr(part, field.name))
