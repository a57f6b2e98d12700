"""One question at a time: what is asked, what a person answers, and what is said to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.bounded import COMMON
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.lessons.exercises.catalogue import KINDS
from cnnviz.ui.exercises.asking import MIXED, QUESTION, Choice
from cnnviz.ui.shared.accounts import account
from cnnviz.ui.shared.frame import ARCHITECTURE, is_dark, link
from cnnviz.ui.shared.link_state import choose_segment, put_in_link
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import plain

if TYPE_CHECKING:
    from cnnviz.lessons.exercises.gallery import Figure
    from cnnviz.lessons.exercises.question import Question, Verdict

_GIVEN = "_exercise_answers"
_BYTES = 4_000
"""About what the answers to a set take."""
_ONE_LINE = 120
"""Characters of all choices together that still stand side by side."""
_NAME = re.compile(r"[\w.]+", re.ASCII)
"""A choice that is the name of a layer; any other one is a sentence, or a part of one."""
_MOST_RIDDLES = 2
"""After so many the way to the answer is shown: more guesses teach nothing."""


@dataclass
class Given:
    """What a person answered to one question: the ``last`` text, and how many answers were ``wrong``. What is ``chosen``
    among several answers is none until it is checked.

    Of ``riddles`` among these cannot be told how they came about. ``shown`` says that the right answer was shown before
    it was found.
    """

    chosen: str = ""
    last: str = ""
    is_right: bool = False
    shown: bool = False
    wrong: int = 0
    riddles: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be answered."""
        return self.is_right or self.shown


@dataclass
class Answers:
    """What one person answered to a set, by question from 0, and the ``name`` by which the teacher knows them, if any."""

    given: dict[int, Given] = field(default_factory=dict)
    name: str = ""

    @property
    def have_begun(self) -> bool:
        """Whether there is any answer."""
        return any(each.last or each.shown for each in self.given.values())


def show(choice: Choice, questions: Sequence[Question]) -> Sequence[Given]:
    """The question that the link names, and how many of the set are solved; what was answered to each."""
    given = [_given(choice, number) for number in range(len(questions))]
    number = _choose_number(given)
    _tell_score(given)
    question = questions[number]
    with st.container(border=True, key="question"):
        st.caption(str(KINDS[question.kind]))
        st.markdown(f"#### {plain(question.prompt)}")
        if question.given:
            st.code("\n".join(question.given), language="python", wrap_lines=True)
        if question.figure is not None:
            _draw(question.figure)
        ask(question, given[number], f"answer-{number}")
        _further(choice, number, question, given)
    return given


def _draw(figure: Figure) -> None:
    from cnnviz.lessons.exercises.picturing import address, alternative

    alt, source = escape(alternative(figure)), address(figure, dark=is_dark())
    st.html(f'<img class="cnnviz-still" src="{source}" alt="{alt}">')


def _given(choice: Choice, number: int) -> Given:
    """What this person answered to a question of a set."""
    return answers_to(choice).given.setdefault(number, Given())


def answers_to(choice: Choice) -> Answers:
    """What this person answered to a set: as long as the page is open, and after a reload as long as the server has room
    for it.
    """
    sets, person = st.session_state.setdefault(_GIVEN, {}), (choice, owner())
    if person not in sets:
        known = account()
        new = Answers(name="" if known is None else known.title)
        sets[person] = COMMON.get((_GIVEN, *person), lambda: new, lambda _answers: _BYTES)
    found: Answers = sets[person]
    return found


def everybodys_answers(choice: Choice) -> list[Answers]:
    """What all people on this server have answered to a set, as far as there is room for it."""
    return COMMON.beginning(_GIVEN, choice)


def _choose_number(given: Sequence[Given]) -> int:
    marks = {True: " ✓", False: " ·"}
    titles = {
        str(number): f"{number}{marks[each.is_right] if each.last or each.shown else ''}"
        for number, each in enumerate(given, 1)
    }
    chosen = choose_segment(
        _("Question"), titles, key=QUESTION, kind=Message("question"), label_visibility="collapsed"
    )
    return int(chosen) - 1


def _tell_score(given: Sequence[Given]) -> None:
    right = [each for each in given if each.is_right]
    at_once = sum(not each.wrong for each in right)
    if right:
        st.caption(
            _(
                "{right} of {count} solved, {at_once} of them on the first try.",
                right=len(right),
                count=len(given),
                at_once=at_once,
            )
        )


def ask(question: Question, given: Given, key: str) -> None:
    """The field of the answer, called ``key``; and what is said to the last answer that was ``given``."""
    # What was answered is the truth: the field of another question, or of another set, must not show this one's.
    st.session_state[key] = _shown(question, given)
    if question.form == "choice":
        is_short = sum(len(question.choice_text(each)) for each in question.choices) <= _ONE_LINE
        st.radio(
            _("Your answer"),
            question.choices,
            key=key,
            format_func=lambda choice: plain(question.choice_text(choice)),
            horizontal=is_short,
            disabled=given.is_over,
            on_change=_choose,
            args=(given, key),
        )
    else:
        st.text_input(
            _("Your answer"),
            key=key,
            placeholder=_PLACEHOLDERS[question.form],
            disabled=given.is_over,
            width=320,
            on_change=_check,
            args=(given, question, key),
        )
    with st.container(horizontal=True, key="acts"):
        st.button(
            _("Check"),
            key="check",
            type="secondary" if given.is_over else "primary",
            disabled=given.is_over,
            on_click=_check,
            args=(given, question, key),
        )
        st.button(
            _("Show the answer"),
            key="show-answer",
            disabled=given.is_over,
            on_click=_give_up,
            args=(given,),
        )
    if given.is_over or (given.last and (question.form != "choice" or given.last in question.choices)):
        _answer(question, given)


def _shown(question: Question, given: Given) -> str | None:
    """What the field of the answer holds; nothing is chosen at first, nor what was chosen in another language."""
    if given.is_right and not given.last:  # it was found before the page was loaded
        return question.answer if isinstance(question.answer, str) else question.answer_text
    if question.form != "choice":
        return given.last
    return next((text for text in (given.chosen, given.last) if text in question.choices), None)


def _choose(given: Given, key: str) -> None:
    given.chosen = str(st.session_state.get(key) or "")


_PLACEHOLDERS = {"number": "640", "side": "13", "shape": "16 x 5 x 5", "decimal": "12.5"}
"""Of no question's answer, as far as that can be."""


def _check(given: Given, question: Question, key: str) -> None:
    """Note an answer; one that was typed is noted when the field is left, and not again by the button."""
    from cnnviz.lessons.exercises.question import check

    text = str(st.session_state.get(key) or "").strip()
    if text and not given.is_over and given.last != text:
        verdict = check(question, text)
        is_wrong = verdict.read is not None and not verdict.is_right
        given.last, given.is_right = text, verdict.is_right
        given.wrong += is_wrong
        given.riddles += is_wrong and not verdict.told
        given.shown = given.riddles == _MOST_RIDDLES


def _give_up(given: Given) -> None:
    given.shown = True


def _answer(question: Question, given: Given) -> None:
    from cnnviz.lessons.exercises.question import check

    right = question.text_of(question.answer)
    is_sentence = question.form == "choice" and _NAME.fullmatch(right) is None
    if given.is_right:
        st.success(plain(_("Right: {answer}.", answer=right)), icon=":material/check:")
    elif given.shown:
        told = _("The answer: {answer}.") if is_sentence else _("The answer is {answer}.")
        st.info(plain(told.format(answer=right)), icon=":material/lightbulb:")
    else:
        verdict = check(question, given.last)
        if verdict.read is None:
            st.warning(_not_read(question, given.last), icon=":material/help:")
            return
        told = _("Not right: {answer}.") if is_sentence else _("{answer} is not right.")
        st.error(plain(told.format(answer=question.text_of(verdict.read))), icon=":material/close:")
        _hint(question, verdict)
    if given.is_over:
        _derive(question)


def _not_read(question: Question, text: str) -> str:
    if question.form == "shape":
        return plain(_("{text} is no shape. Write one as 88 x 4 x 4 or (88, 4, 4).", text=text))
    if question.form == "decimal":
        return plain(_("{text} is not a number. Write one as 0.42, .42 or 0,42.", text=text))
    return plain(_("{text} is not a whole number. Write one as 1408, 1,408 or 88 x 4 x 4.", text=text))


def _hint(question: Question, verdict: Verdict) -> None:
    if len(verdict.told) > 1:
        st.markdown(_("One of these may have happened:"))
    for sentence in verdict.told:
        st.markdown(("- " if len(verdict.told) > 1 else "") + plain(sentence))
    if not verdict.told:
        st.markdown(
            _(
                "This number does not show what went wrong. Try once more; after that you see the way to the answer."
            )
        )


def _derive(question: Question) -> None:
    if question.solution:
        st.markdown("**" + _("Where it comes from") + "**")
        _write(question.solution)


def _write(lines: Sequence[Message | str]) -> None:
    for each in lines:
        if isinstance(each, Message):
            st.markdown(plain(each))
        elif each:
            st.code(each, language=None, wrap_lines=True)


def _further(choice: Choice, number: int, question: Question, given: Sequence[Given]) -> None:
    """To the next question that is not solved, and to the network on its own page."""
    if not given[number].is_over:
        return
    open_ones = [index for index, each in enumerate(given) if not each.is_over]
    later = [index for index in open_ones if index > number]
    with st.container(horizontal=True, vertical_alignment="center", key="further"):
        if open_ones:
            goal = (later or open_ones)[0] + 1
            st.button(
                _("Next question"),
                key="next",
                type="primary",
                icon=":material/arrow_forward:",
                on_click=put_in_link,
                args=(QUESTION, str(goal), "1"),
            )
        else:
            st.markdown(_("That was the last one of this set."))
        if question.network is not None:
            name = question.network if choice.network == MIXED else choice.network
            at = {} if question.layer is None else {"view": "operation", "layer": question.layer}
            link(ARCHITECTURE, _("Look at this network"), model=name, **at)
