"""A set of exercises as a page to print, with its answers or with room for them. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnviz.language import LANGUAGE_TAGS, Message, language
from cnnviz.lessons.exercises.picturing import address, alternative
from cnnviz.lessons.exercises.question import Level, Question

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def sheet(questions: Sequence[Question], level: Level, seed: int, *, answers: bool) -> str:
    """One HTML file in the current language, which needs nothing else and no network."""
    return _environment.get_template("sheet.html.jinja").render(
        language=LANGUAGE_TAGS[language()],
        title=str(Message("Answers")) if answers else str(Message("Exercises")),
        origin=str(Message("Set {seed}, level {level}", seed=seed, level=level)),
        name=str(Message("Student")),
        questions=questions,
        answers=answers,
        address=address,
        alternative=alternative,
    )
