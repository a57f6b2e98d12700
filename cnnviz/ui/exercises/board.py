"""The class board: how many have solved which question of a set, for the projector; names only where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.lessons.exercises.catalogue import KINDS
from cnnviz.plots import exercises as plots
from cnnviz.ui.exercises.answering import Answers, Given, everybodys_answers
from cnnviz.ui.exercises.asking import Choice
from cnnviz.ui.shared import rights
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_switch
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.lessons.exercises.question import Question

BOARD = "board"
"""The parameter of the link that shows the board in place of the questions."""
LOOK_SECONDS = 5.0
_NAMES = "board-names"


def is_wanted() -> bool:
    """Whether the board is to be shown; only the teacher is offered it, or somebody who shares the server with nobody."""
    if not rights.may_do_anything() or not (rights.is_teacher() or BOARD in query):
        return False
    return choose_switch(_("Class board"), key=BOARD)


def show(choice: Choice, questions: Sequence[Question]) -> None:
    """The board, which looks for new answers by itself."""
    fragment(run_every=LOOK_SECONDS)(_draw)(choice, tuple(question.kind for question in questions))


def _draw(choice: Choice, kinds: Sequence[str]) -> None:
    everybody = [answers for answers in everybodys_answers(choice) if answers.have_begun]
    done = sum(all(_of(answers, number).is_over for number in range(len(kinds))) for answers in everybody)
    columns = st.columns(2)
    columns[0].metric(_("Have begun"), f"{len(everybody):,}")
    columns[1].metric(_("Are done"), f"{done:,}")
    chart(plots.board(_("Solved questions"), _parts(everybody, len(kinds)), len(everybody)), "board-figure")
    titles = [f"{number}: {KINDS[kind]}" for number, kind in enumerate(kinds, 1)]
    caption(" · ".join(titles))
    if st.toggle(_("Show names"), key=_NAMES):
        _list(everybody, len(kinds))


def _of(answers: Answers, number: int) -> Given:
    return answers.given.get(number) or Given()


def _parts(everybody: Sequence[Answers], count: int) -> dict[str, list[int]]:
    """How many people solved each question on the first try, later, and how many are still at it."""

    def counted(fits: Callable[[Given], bool]) -> list[int]:
        return [sum(fits(_of(answers, number)) for answers in everybody) for number in range(count)]

    return {
        _("on the first try"): counted(lambda each: each.is_right and not each.wrong),
        _("later"): counted(lambda each: each.is_right and each.wrong > 0),
        _("not solved"): counted(lambda each: not each.is_right and bool(each.last or each.shown)),
    }


def _list(everybody: Sequence[Answers], count: int) -> None:
    """A row for each person: their name where one is known, and a mark for each question."""
    rows = sorted(everybody, key=lambda answers: (not answers.name, answers.name.casefold()))
    names = [answers.name or _("without a name") for answers in rows]
    solved = [sum(_of(answers, number).is_right for number in range(count)) for answers in rows]
    marks = {str(number + 1): [_mark(_of(answers, number)) for answers in rows] for number in range(count)}
    st.dataframe(
        {_("Student"): names, _("Solved"): solved, **marks},
        hide_index=True,
        alt=_("{count:,} people, and which questions each of them solved.", count=len(rows)),
    )


def _mark(given: Given) -> str:
    if given.is_right:
        return "✓"
    return "·" if given.last or given.shown else ""
