"""A set of exercises as a Jupyter notebook."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import translate as _
from cnnviz.lessons.exercises.catalogue import KINDS
from cnnviz.lessons.exercises.question import Level, Question
from cnnviz.lessons.notebooks.checking import Networks, SourceOf, asked, opening
from cnnviz.notebook import Code, Words, notebook


def exercise_notebook(questions: Sequence[Question], level: Level, seed: int, source_of: SourceOf) -> str:
    """The text of an ``.ipynb`` file with a set of questions, in the current language, without the answers.

    It runs from top to bottom, answered or not.
    """
    networks = Networks(source_of)
    cells: list[Words | Code] = [
        Words(f"# {_('Exercises')}\n\n{_('Set {seed}, level {level}', seed=seed, level=level)}"),
        *opening(),
    ]
    for number, question in enumerate(questions, 1):
        cells += asked(question, f"{number}. {KINDS[question.kind]}", number, networks)
    return notebook(cells)
