"""The list of lessons: the course's path, and a teacher's own beside it. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.lesson import Lesson
from cnnviz.settings import settings
from cnnviz.ui.lessons import progress
from cnnviz.ui.lessons.words import write, written
from cnnviz.ui.shared.frame import EXERCISES, LESSONS, is_open, link
from cnnviz.ui.shared.problems import link_problem, plain
from cnnviz.ui.shared.query import whole_query

LESSON = "lesson"
"""The link's parameter with a lesson's key."""


def named() -> Lesson | None:
    """The lesson that the link names; None where it names none, with a sentence where there is no such lesson."""
    key = whole_query.get(LESSON)
    if key is None:
        return None
    own, _errors = shelf.own(settings().lessons_dir)
    known = {lesson.key: lesson for lesson in (*shelf.shipped(), *own)}
    if key not in known:
        link_problem(UnknownKeyError(Message("lesson"), key, known).message)
    return known.get(key)


def show() -> None:
    """All lessons with what is done of each; files that are none, with the reason."""
    st.header(_("The course"), anchor=False)
    _cards(shelf.shipped(), numbered=True)
    own, errors = shelf.own(settings().lessons_dir)
    if own or errors:
        st.header(_("Your teacher's lessons"), anchor=False)
        for error in errors:
            st.warning(plain(error), icon=":material/error:")
        _cards(own)
    if not is_open(EXERCISES):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="to-exercises"):
        st.markdown(_("Questions to practise, made from any network and checked at once:"), width="content")
        link(EXERCISES)


def _cards(lessons: Sequence[Lesson], numbered: bool = False) -> None:
    for number, lesson in enumerate(lessons, 1):
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"lesson-{lesson.key}"
        ):
            with st.container(width="stretch", gap="xsmall"):
                title = written(lesson.title)
                st.subheader(f"{number} · {title}" if numbered else title, anchor=False)
                write(lesson.goal)
                st.caption(_state(lesson))
            _way(lesson)


def _state(lesson: Lesson) -> str:
    minutes = _("{minutes} min · steps: {count}", minutes=lesson.minutes, count=len(lesson.steps))
    done = done_steps(lesson)
    if done == len(lesson.steps):
        return f"{minutes} · :material/check: " + _("done")
    return minutes + (" · " + _("{done} done", done=done) if done else "")


def done_steps(lesson: Lesson) -> int:
    """How many steps of the lesson this person has done."""
    known = progress.of(lesson.key)
    return sum(known.of(number) != progress.NOT_YET for number in range(1, len(lesson.steps) + 1))


def _way(lesson: Lesson) -> None:
    known, done = progress.of(lesson.key), done_steps(lesson)
    with st.container(width="content"):
        if done == len(lesson.steps):
            link(LESSONS, _("Look again"), lesson=lesson.key)
        elif done or known.at > 1:
            at = min(known.at, len(lesson.steps))
            link(LESSONS, _("Continue at step {number}", number=at), lesson=lesson.key, step=str(at))
        else:
            link(LESSONS, _("Begin"), lesson=lesson.key)
