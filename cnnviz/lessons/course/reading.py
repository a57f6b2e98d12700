"""A lesson's file (TOML), read strictly: what is wrong is told with file, step, key and remedy. Imports no torch."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnviz.errors import CnnvizError, UnknownKeyError, shortened
from cnnviz.language import Message
from cnnviz.lessons.course import lesson
from cnnviz.lessons.course.lesson import Choice, Exercise, Lesson, Pairs, Question, Step, Text, View, Wrong
from cnnviz.lessons.course.places import PLACES
from cnnviz.lessons.exercises.answers import read_number, read_sizes
from cnnviz.lessons.exercises.catalogue import KINDS, LARGEST_SEED

MOST_BYTES = 200_000
MOST_STEPS = 40
MOST_MINUTES = 600
_MOST_SIZE = 1_000_000
_LEVELS = 3
_LEAST_CHOICES = 2
_LONGEST = 200
"""Characters of what TOML's reader says."""

VALUES = ("shape", "in_features", "out_features", "params", "macs", "receptive_field")
"""What ``answer_of`` can ask of a layer."""

_APART = re.compile(r"\s*([-*+]\s|\d+\.\s|#+\s|>|\||```)|\s{4}")
"""How a line begins that is none of a paragraph: an item of a list, a heading, a quotation, a table, code."""
_NUMBER_FIRST = re.compile(r"^\d+[-_. ]*")


class LessonError(CnnvizError):
    """A lesson's file is not one; the message says where, why, and what to do."""


class _ProblemError(Exception):
    """What is wrong at a ``key``."""

    def __init__(self, key: str, message: Message) -> None:
        super().__init__(key)
        self.key, self.message = key, message


def read_lesson(path: Path, prefix: str = "") -> Lesson:
    """The lesson in a file; its key is the file's name without ending and leading number, after ``prefix``.

    Raises:
        LessonError: it cannot be read, is no TOML, or says something that no lesson says.
    """
    try:
        return _read(path, path.stat().st_mtime_ns, prefix)
    except OSError as error:
        raise LessonError(
            Message("{file} cannot be read: {reason}.", file=name_of(path), reason=error.strerror or error)
        ) from error


@lru_cache(maxsize=200)
def _read(path: Path, _changed: int, prefix: str) -> Lesson:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    return lesson_of(data, name_of(path), prefix)


def name_of(path: Path) -> str:
    """The file's name as it can be shown: what is no UTF-8 in it, as after unpacking elsewhere, is replaced."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def lesson_of(data: bytes, name: str, prefix: str = "") -> Lesson:
    """The lesson in ``data``, the content of a file called ``name``; see :func:`read_lesson`."""
    if len(data) > MOST_BYTES:
        raise LessonError(
            Message("{file} is larger than {most:,} bytes: make it two lessons.", file=name, most=MOST_BYTES)
        )
    try:
        content = tomllib.loads(data.decode("utf-8").replace("\r\n", "\n"))
        repr(content)  # a number of thousands of digits, which Python reads as hexadecimal, it cannot write
    except UnicodeDecodeError as error:
        raise LessonError(
            Message("{file} is not written in UTF-8: save it with this encoding.", file=name)
        ) from error
    except (ValueError, RecursionError) as error:  # of too many digits Python says no more than ValueError
        raise LessonError(
            Message(
                "{file} is not valid TOML: {reason}. Mend this place.",
                file=name,
                reason=str(error)[:_LONGEST],
            )
        ) from error
    return _lesson(content, name, prefix)


def _lesson(content: dict[str, Any], name: str, prefix: str) -> Lesson:
    table = _Table(content)
    stem = Path(name).stem
    key = prefix + (_NUMBER_FIRST.sub("", stem) or stem)
    try:
        title, minutes = table.words("title"), table.number("minutes", 1, MOST_MINUTES)
        goal, steps = table.words("goal"), table.tables("steps", 1, MOST_STEPS)
        table.end()
    except _ProblemError as problem:
        raise _error(name, None, problem) from None
    found = []
    for number, step in enumerate(steps, 1):
        try:
            found.append(_step(step.alone()))
        except _ProblemError as problem:
            raise _error(name, number, problem) from None
    return Lesson(key, title, minutes, goal, tuple(found))


def _error(name: str, step: int | None, problem: _ProblemError) -> LessonError:
    values = {"file": name, "key": problem.key, "problem": problem.message}
    if step is None:
        return LessonError(Message("{file}, {key}: {problem}", **values))
    return LessonError(Message("{file}, step {step}, {key}: {problem}", step=step, **values))


def _step(table: _Table) -> Step:
    view, question = table.table("view"), table.table("question")
    found = Step(
        title=table.words("title"),
        text=table.words("text"),
        view=None if view is None else _view(view),
        tried=table.optional_words("try"),
        question=None if question is None else _question(question),
        seen=table.optional_words("seen"),
    )
    table.end()
    return found


def _view(table: _Table) -> View:
    page = table.one_of("page", PLACES, Message("page"))
    place = PLACES[page]
    view = table.one_of("view", place.views, Message("view"))
    for name in table.left():
        table.check_known(name, place.choices)
    return View(page, view, tuple(pair for name in table.left() for pair in table.parameters(name)))


def _question(table: _Table) -> Question:
    before = table.switch("before")
    if "exercise" in table:
        found = Question(None, before, exercise=_exercise(table.needed_table("exercise")))
        table.end()
        return found
    ask = table.words("ask")
    if "choices" in table:
        choices = _choices(table)
        table.end()
        return Question(ask, before, choices=choices)
    if "answer_of" in table:
        answer: str | lesson.OfNetwork | lesson.OfWindow = _answer_of(table.needed_table("answer_of"))
    elif "answer" in table:
        answer = table.answer("answer")
    else:
        raise _ProblemError(
            "question",
            Message(
                "It has no answer: give it choices, answer (a number or a shape), answer_of or exercise."
            ),
        )
    wrong = tuple(_wrong(each) for each in table.tables("wrong", 0, MOST_STEPS))
    table.end()
    return Question(ask, before, answer=answer, wrong=wrong)


def _choices(table: _Table) -> tuple[Choice, ...]:
    found = []
    for each in table.tables("choices", _LEAST_CHOICES, MOST_STEPS):
        text, is_right = each.words("text"), each.switch("right")
        why = None if is_right else each.words("why")
        each.end()
        found.append(Choice(text, why))
    if sum(choice.why is None for choice in found) != 1:
        raise table.problem(
            "choices", Message("Exactly one of them is right: give it right = true, and the others why.")
        )
    if len({choice.text for choice in found}) != len(found):
        raise table.problem("choices", Message("Two of them are the same: change one."))
    return tuple(found)


def _wrong(table: _Table) -> Wrong:
    found = Wrong(table.answer("answer"), table.words("why"))
    table.end()
    return found


def _answer_of(table: _Table) -> lesson.OfNetwork | lesson.OfWindow:
    found: lesson.OfNetwork | lesson.OfWindow
    if "network" in table:
        edits = tuple(
            (path, json.dumps(value, default=str)) for path, value in table.plain_table("set").items()
        )
        found = lesson.OfNetwork(
            table.string("network"),
            table.string("layer"),
            table.one_of("value", VALUES, Message("value")),
            edits,
        )
    else:
        found = _window(table)
    table.end()
    return found


def _window(table: _Table) -> lesson.OfWindow:
    pooling = table.switch("pooling")
    size, kernel = table.number("input", 1, _MOST_SIZE), table.number("kernel", 1, _MOST_SIZE)
    found = lesson.OfWindow(
        size,
        kernel,
        stride=table.number("stride", 1, _MOST_SIZE, kernel if pooling else 1),
        padding=table.number("padding", 0, _MOST_SIZE, 0),
        dilation=table.number("dilation", 1, _MOST_SIZE, 1),
        pooling=pooling,
        ceil_mode=table.switch("ceil_mode"),
    )
    if found.size + 2 * found.padding < found.dilation * (found.kernel - 1) + 1:
        raise table.problem("input", Message("The window is larger than the input: make the input larger."))
    return found


def _exercise(table: _Table) -> Exercise:
    found = Exercise(
        table.one_of("kind", KINDS, Message("kind of question")),
        table.string("network"),
        table.number("level", 1, _LEVELS, 1),
        table.number("seed", 0, LARGEST_SEED, 1),
    )
    table.end()
    return found


class _Table:
    """A table of the file; what was asked for is ticked off, and what is left at the :meth:`end` is unknown."""

    def __init__(self, content: Mapping[str, Any], place: str = "") -> None:
        self._content, self._place = content, place
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def alone(self) -> _Table:
        """The same, whose place is told otherwise."""
        return _Table(self._content)

    def left(self) -> list[str]:
        """The keys that nobody has asked for."""
        return [key for key in self._content if key not in self._asked]

    def end(self) -> None:
        """Refuse what is left."""
        for key in self.left():
            self.check_known(key, self._asked)

    def check_known(self, key: str, known: Iterable[str]) -> None:
        """Refuse a key that is none of the ``known``."""
        names = list(known)
        if key not in names:
            raise self.problem(key, UnknownKeyError(Message("key"), key, names).message)

    def words(self, key: str) -> Text:
        """Words that must be there."""
        return Text(_unwrapped(self.string(key)))

    def optional_words(self, key: str) -> Text | None:
        """Words that may be there."""
        self._asked.append(key)
        return self.words(key) if key in self else None

    def string(self, key: str) -> str:
        """A string that must be there, and not be empty."""
        value = self._needed(key, Message('a text in quotation marks: {key} = "..."', key=key))
        if not isinstance(value, str) or not value.strip():
            raise self._wrong_type(key, value, Message("a text in quotation marks, which is not empty"))
        return value.strip()

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number; it may be missing where there is a ``default``."""
        self._asked.append(key)
        if key not in self and default is not None:
            return default
        rule = Message("a whole number from {low:,} to {high:,}", low=low, high=high)
        value = self._needed(key, rule)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._wrong_type(key, value, rule)
        return value

    def switch(self, key: str) -> bool:
        """True or false; false where it is missing."""
        self._asked.append(key)
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong_type(key, value, Message("true or false"))
        return value

    def one_of(self, key: str, known: Iterable[str], kind: Message) -> str:
        """One of the ``known`` names."""
        names, value = list(known), self.string(key)
        if value not in names:
            raise self.problem(key, UnknownKeyError(kind, value, names).message)
        return value

    def answer(self, key: str) -> str:
        """An answer as a person types it: a whole number or a shape."""
        rule = Message('a whole number, or a shape in quotation marks such as "88 x 4 x 4"')
        value = self._needed(key, rule)
        text = str(value)
        is_written = isinstance(value, int | str) and not isinstance(value, bool)
        if not is_written or (read_number(text) is None and read_sizes(text) is None):
            raise self._wrong_type(key, value, rule)
        return text

    def tables(self, key: str, low: int, high: int) -> list[_Table]:
        """From ``low`` to ``high`` tables."""
        self._asked.append(key)
        value = self._content.get(key, [])
        is_list = isinstance(value, list) and all(isinstance(each, dict) for each in value)
        if not is_list or not low <= len(value) <= high:
            raise self.problem(
                key,
                Message(
                    "There must be from {low} to {high} of them, each a table: [[{key}]].",
                    low=low,
                    high=high,
                    key=key,
                ),
            )
        return [_Table(each, f"{self._place}{key} {number}, ") for number, each in enumerate(value, 1)]

    def table(self, key: str) -> _Table | None:
        """A table that may be there."""
        self._asked.append(key)
        return self.needed_table(key) if key in self else None

    def needed_table(self, key: str) -> _Table:
        """A table."""
        return _Table(self.plain_table(key), f"{self._place}{key}, ")

    def plain_table(self, key: str) -> Mapping[str, Any]:
        """A table whose keys may be any; empty where it is missing."""
        self._asked.append(key)
        value = self._content.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong_type(key, value, Message("a table"))
        return value

    def parameters(self, key: str) -> Pairs:
        """The value of a choice as a link has it, a pair for each of several."""
        value = self._content[key]
        values: Sequence[object] = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | int | float) for each in values):
            raise self._wrong_type(key, value, Message("a text, a number, true or false, or a list of them"))
        return tuple((key, str(each).lower() if isinstance(each, bool) else str(each)) for each in values)

    def _needed(self, key: str, rule: Message) -> Any:
        self._asked.append(key)
        if key not in self:
            raise self.problem(key, Message("It is missing; it must be {rule}.", rule=rule))
        return self._content[key]

    def _wrong_type(self, key: str, value: object, rule: Message) -> _ProblemError:
        return self.problem(
            key, Message("It must be {rule}; got {value}.", rule=rule, value=shortened(value))
        )

    def problem(self, key: str, message: Message) -> _ProblemError:
        """What is wrong at a key of this table."""
        return _ProblemError(f"{self._place}{key}", message)


def _unwrapped(text: str) -> str:
    """Words as one writes them in a file, a line of some length after the other: a paragraph becomes one line.

    What is indented, or begins as an item of a list or as code, keeps its line.
    """
    found: list[str] = []
    for line in text.strip().splitlines():
        is_apart = not line.strip() or _APART.match(line) is not None
        if found and found[-1].strip() and not is_apart and not _is_code(found):
            found[-1] = f"{found[-1].rstrip()} {line.strip()}"
        else:
            found.append(line.rstrip())
    return "\n".join(found)


def _is_code(lines: Sequence[str]) -> bool:
    """Whether what follows these ``lines`` is within a fence, or right after one."""
    return lines[-1].startswith("```") or sum(line.startswith("```") for line in lines) % 2 == 1
