"""``cnnviz notebook``: a training, or a lesson, as a Jupyter notebook of plain PyTorch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz import architectures
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.files import write_whole
from cnnviz.language import Message
from cnnviz.language import translate as _

if TYPE_CHECKING:
    from cnnviz.lessons.course.lesson import Lesson
    from cnnviz.training.recipe.recipe import Recipe


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``notebook`` to the commands."""
    command = add(
        "notebook", _write, _("write a training or a lesson as a Jupyter notebook of plain PyTorch")
    )
    command.add_argument(
        "name",
        metavar="RUN_ID|KEY",
        help=_("a run; the key of a network, for the course's recipe; or the key of a lesson"),
    )
    command.add_argument("--output", type=Path, required=True, metavar="FILE.ipynb")


def _write(options: argparse.Namespace) -> int:
    from cnnviz.lessons.course.shelf import shipped

    lessons = {lesson.key: lesson for lesson in shipped()}
    chosen = lessons.get(options.name)
    text = _of_recipe(options.name, list(lessons)) if chosen is None else _of_lesson(chosen)
    data = text.encode()
    write_whole(options.output, data)
    print(_("{path}: {size:,.0f} kB.", path=options.output, size=len(data) / 1000), file=sys.stderr)
    return 0


def _of_lesson(lesson: Lesson) -> str:
    from cnnviz.lessons.exercises.source import Source
    from cnnviz.lessons.notebooks.course import lesson_notebook
    from cnnviz.models import traced

    return lesson_notebook(lesson, lambda name: Source(name, name, lambda edits: traced(name, dict(edits))))


def _of_recipe(name: str, lessons: Sequence[str]) -> str:
    from cnnviz.training.scripts.notebooks import recipe_notebook

    recipe = _recipe(name, lessons)
    recipe.validate()
    return recipe_notebook(recipe)


def _recipe(name: str, lessons: Sequence[str]) -> Recipe:
    """The recipe of a run, or the course's of a network; ``lessons`` are what else could have been meant.

    Raises:
        CnnvizError: somebody's own program trained the run.
        UnknownKeyError: there is neither.
    """
    from cnnviz.training.recipe.recipe import Recipe
    from cnnviz.training.store.store import open_store

    if architectures.is_known(name):
        return Recipe.default(name)
    try:
        run = open_store().get(name)
    except UnknownKeyError as problem:
        known = [*lessons, *(architecture.key for architecture in architectures.registered())]
        raise UnknownKeyError(Message("run, network or lesson"), name, known) from problem
    if run.watched is not None:
        raise CnnvizError(
            Message(
                "Run {id} was trained by a program of its own ({program}), of which cnnviz knows no recipe.",
                id=run.id,
                program=run.watched.program,
            )
        )
    return Recipe.from_dict(run.recipe)
