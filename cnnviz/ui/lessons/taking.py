"""A lesson to take home: a notebook."""

from __future__ import annotations

from functools import partial

from cnnviz.language import translate as _
from cnnviz.lessons.course.lesson import Lesson
from cnnviz.ui.exercises.asking import source_of
from cnnviz.ui.shared.downloads import save_button


def offer(lesson: Lesson) -> None:
    """A button that saves the lesson as a Jupyter notebook, which is written when it is asked for."""
    save_button(
        _("As a Jupyter notebook"),
        partial(_notebook, lesson),
        f"{lesson.key}.ipynb",
        key="lesson-notebook",
        mime="application/x-ipynb+json",
        icon=":material/menu_book:",
        type="tertiary",
        help=_("Its text, questions and checks in plain PyTorch, without cnnviz."),
    )


def _notebook(lesson: Lesson) -> str:
    from cnnviz.lessons.notebooks.course import lesson_notebook

    return lesson_notebook(lesson, source_of)
