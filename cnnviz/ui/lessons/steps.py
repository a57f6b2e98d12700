"""One lesson, a step at a time: text, view, question, and what one should have seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cnnviz.bounded import kept
from cnnviz.language import Message, language
from cnnviz.language import translate as _
from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.asking import checked
from cnnviz.lessons.course.lesson import Lesson, Question, Step, Text
from cnnviz.lessons.exercises.question import Question as Exercise
from cnnviz.ui.exercises.answering import Given, ask
from cnnviz.ui.exercises.asking import source_of
from cnnviz.ui.lessons import embedded, progress
from cnnviz.ui.lessons.progress import Progress
from cnnviz.ui.lessons.words import write, written
from cnnviz.ui.shared import present
from cnnviz.ui.shared.frame import EXERCISES, LESSONS, is_open, link
from cnnviz.ui.shared.link_state import while_there
from cnnviz.ui.shared.problems import explained, link_problem, plain
from cnnviz.ui.shared.query import whole_query

STEP = "step"
"""The link's parameter with the number of the step, from 1."""

_DOTS = "lesson-dots"
_GIVEN, _SHOWN = "_lesson_answers", "_lesson_views_shown"
_SIGNS = {progress.NOT_YET: "", progress.SEEN: " ✓", progress.SHOWN: " ·", progress.RIGHT: " ✓"}


def show(lesson: Lesson) -> str:
    """The step of the lesson that the link names; returns what names the place."""
    number = _number(lesson)
    step = lesson.steps[number - 1]
    embedded.begin(step.view)
    _dots(lesson, number)
    with st.container(key="together-lesson-text", width=_READABLE):
        st.header(written(step.title), anchor=False)
        write(step.text)
    given = _given(lesson, number)
    _parts(lesson, number, step, given)
    _note(lesson, number, step, given)
    _ways(lesson, number)
    return f"{lesson.key} {number}"


_READABLE = 760
"""Pixels: lines of a text that are longer are hard to follow."""


def _number(lesson: Lesson) -> int:
    """The step in the link, from 1."""
    text = whole_query.get(STEP, "1")
    number = int(text) if text and text.isdecimal() and len(text) <= 3 else 0
    if 1 <= number <= len(lesson.steps):
        return number
    link_problem(
        Message(
            "This lesson has {count} steps; there is no step {named}.", count=len(lesson.steps), named=text
        )
    )
    return 1


def _dots(lesson: Lesson, number: int) -> None:
    """Where one is, and a way to every step."""
    known = progress.of(lesson.key)
    st.session_state[_DOTS] = number
    st.segmented_control(
        _("Step"),
        list(range(1, len(lesson.steps) + 1)),
        format_func=lambda step: f"{step}{_SIGNS[known.of(step)]}",
        key=_DOTS,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_move,
        args=(_DOTS,),
    )


@while_there
def _move(widget: str) -> None:
    go(int(st.session_state[widget]))


def go(number: int) -> None:
    """Put the step into the link, and take out what belongs to the view of the one before; for callbacks."""
    whole_query.change({STEP: str(number)}, forget=embedded.of_the_view())


def _parts(lesson: Lesson, number: int, step: Step, given: Given) -> None:
    """View and question, in the order that the question asks for; what one should have seen."""
    question = step.question
    first = question is not None and question.before
    is_shown = not first or given.is_over or (lesson.key, number) in st.session_state.get(_SHOWN, ())
    if question is not None and first:
        with _frame_of_question():
            _ask(question, given)
            if step.view is not None and not is_shown:
                _offer_view(lesson, number)
    if step.view is not None and is_shown:
        if step.tried is not None:
            st.info("**" + _("Try it") + f"** · {written(step.tried)}", icon=":material/touch_app:")
        embedded.show(step.view)
    if question is not None and not first:
        with _frame_of_question():
            _ask(question, given)
    if step.seen is not None and (is_shown or not present.is_on()):
        _tell(step.seen, is_open=question is not None and given.is_over)


@contextmanager
def _frame_of_question() -> Iterator[None]:
    """A place for the question that is one figure on a projector, with what answers it."""
    with st.container(border=True, key="together-lesson-question"), st.container(key="left-lesson-question"):
        yield


def _ask(question: Question, given: Given) -> None:
    with explained():
        asked = _question(question, language())
        st.caption(_("Before you look") if question.before else _("Question"))
        st.markdown(plain(asked.prompt) if question.exercise else str(asked.prompt))
        if asked.given:
            st.code("\n".join(asked.given), language="python", wrap_lines=True)
        ask(asked, given, "lesson-answer")


def _offer_view(lesson: Lesson, number: int) -> None:
    st.button(
        _("Show the view without an answer"),
        key="lesson-show-view",
        type="tertiary",
        icon=":material/visibility:",
        on_click=_show_view,
        args=(lesson, number),
    )


def _show_view(lesson: Lesson, number: int) -> None:
    st.session_state.setdefault(_SHOWN, set()).add((lesson.key, number))


def _tell(seen: Text, is_open: bool) -> None:
    """What one should have seen: folded until the question is answered, and a figure of its own on a projector."""
    title = _("What you should have seen")
    if present.is_on():
        with st.container(key="together-lesson-seen"):
            st.markdown(f"**{title}**")
            write(seen)
    else:
        with st.expander(title, icon=":material/lightbulb:", expanded=is_open):
            write(seen)


@kept
def _question(question: Question, code: str) -> Exercise:
    """The question as it is checked, in the language ``code``."""
    return checked(question, source_of)


def _given(lesson: Lesson, number: int) -> Given:
    """What was answered to the step's question, here or, as the browser has kept, before."""
    known = progress.of(lesson.key)
    answers: dict[tuple[str, int, int], Given] = st.session_state.setdefault(_GIVEN, {})
    found = answers.setdefault((lesson.key, number, known.round), Given())
    if known.of(number) == progress.RIGHT:
        found.is_right = True
    elif known.of(number) == progress.SHOWN:
        found.shown = True
    return found


def _note(lesson: Lesson, number: int, step: Step, given: Given) -> None:
    """What is done with this step."""
    known = progress.of(lesson.key)
    sign = progress.NOT_YET
    if step.question is None:
        sign = progress.SEEN
    elif given.is_over:
        sign = progress.RIGHT if given.is_right else progress.SHOWN
    marked = known.marked(number, sign)
    progress.put(lesson.key, Progress(marked.steps, number, marked.round))


def _ways(lesson: Lesson, number: int) -> None:
    """Back and on, and after the last step where to go."""
    last = len(lesson.steps)
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-ways"):
        with st.container(key="present-back", width="content"):
            st.button(
                _("Back"),
                key="lesson-back",
                icon=":material/arrow_back:",
                disabled=number == 1,
                on_click=go,
                args=(number - 1,),
            )
        if number < last:
            with st.container(key="present-on", width="content"):
                st.button(
                    _("Next step"),
                    key="lesson-next",
                    type="primary",
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    on_click=go,
                    args=(number + 1,),
                )
        else:
            _onwards(lesson)


def _onwards(lesson: Lesson) -> None:
    keys = [each.key for each in shelf.shipped()]
    if lesson.key in keys[:-1]:
        following = shelf.shipped()[keys.index(lesson.key) + 1]
        link(LESSONS, _("Next lesson: {title}", title=written(following.title)), lesson=following.key)
    if is_open(EXERCISES):
        link(EXERCISES, _("Practise with exercises"))
    st.button(
        _("Start over"),
        key="lesson-anew",
        type="tertiary",
        icon=":material/restart_alt:",
        on_click=_begin_anew,
        args=(lesson,),
    )


def _begin_anew(lesson: Lesson) -> None:
    progress.begin_anew(lesson.key)
    st.session_state.pop(_SHOWN, None)
    go(1)
