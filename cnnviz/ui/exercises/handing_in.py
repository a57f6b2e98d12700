"""What a set becomes: a code to hand in, a page to print, and for the teacher, what many codes say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.lessons.exercises.printing import sheet
from cnnviz.lessons.exercises.receipts import (
    KEY_FILE,
    LONGEST_NAME,
    CodeError,
    Receipt,
    new_key,
    read,
    sign,
)
from cnnviz.storage.opening import storage
from cnnviz.ui.exercises.answering import answers_to
from cnnviz.ui.exercises.asking import MIXED, Choice, source_of
from cnnviz.ui.shared import own_networks, rights
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.problems import answer_callbacks, ask, explained, plain

if TYPE_CHECKING:
    from cnnviz.lessons.exercises.question import Question
    from cnnviz.ui.exercises.answering import Given

_CODES = "_exercise_codes"
_MOST_CODES = 500


def hand_in(choice: Choice, given: Sequence[Given]) -> None:
    """A field for the name, and the code, once every question of the set is over."""
    if not all(each.is_over for each in given):
        return
    with st.container(border=True, key="hand-in"):
        st.markdown("**" + _("Hand in your result") + "**")
        st.caption(
            _(
                "The code contains your name, how many you solved, of which set, and when. Give it to your teacher; whoever "
                "changes it makes it worthless."
            )
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(_("Your name"), key="hand-in-name", max_chars=LONGEST_NAME, width=320)
            st.button(
                _("Make the code"),
                key="make-code",
                icon=":material/verified:",
                on_click=ask,
                args=(_make, choice, tuple(given)),
            )
        answer_callbacks()
        code = _codes().get(choice)
        if code is not None:
            st.code(code, language=None, wrap_lines=True)


def _codes() -> dict[Choice, str]:
    found: dict[Choice, str] = st.session_state.setdefault(_CODES, {})
    return found


def _make(choice: Choice, given: Sequence[Given]) -> None:
    """Sign what was solved; the name may be changed, and the code made anew."""
    name = " ".join(str(st.session_state.get("hand-in-name") or "").split())[:LONGEST_NAME]
    if not name:
        raise UsageError(Message("Write your name first: the code contains it."))
    right = [each for each in given if each.is_right]
    receipt = Receipt(
        name=name,
        right=len(right),
        at_once=sum(not each.wrong for each in right),
        count=len(given),
        seed=choice.seed,
        level=choice.level,
        network=choice.network,
        kinds=choice.kinds,
        minutes=int(time.time() // 60),
    )
    answers_to(choice).name = name
    _codes()[choice] = sign(receipt, _key())


def _key() -> bytes:
    """The key that all servers of a class sign with.

    Raises:
        CnnvizError: there is none yet, and it cannot be kept.
    """
    return storage().secret(KEY_FILE, new_key)


def check_codes() -> None:
    """For the teacher, and for whoever shares the server with nobody: a field for codes, and what they say."""
    if not rights.may_do_anything():
        return
    with st.expander(_("For the teacher: check codes"), icon=":material/school:", key="check-codes"):
        text = st.text_area(
            _("Codes that were handed in, one on each line"),
            key="handed-in",
            height=120,
            placeholder="cnnviz. ...",
        )
        lines = [line for line in text.splitlines() if line.strip()][:_MOST_CODES]
        if lines:
            with explained():
                _show(lines)


def _show(lines: Sequence[str]) -> None:
    key = _key()
    receipts: list[Receipt] = []
    for number, line in enumerate(lines, 1):
        try:
            receipts.append(read(line, key))
        except CodeError as error:
            st.warning(
                plain(_("Line {number}: {reason}", number=number, reason=str(error))), icon=":material/block:"
            )
    if receipts:
        st.dataframe(
            [_row(receipt) for receipt in sorted(receipts, key=lambda found: found.name)],
            hide_index=True,
            alt=_("The results that the codes say, a row for each."),
        )


def _row(receipt: Receipt) -> dict[str, object]:
    return {
        _("Student"): receipt.name,
        _("Solved"): f"{receipt.right} / {receipt.count}",
        _("On the first try"): receipt.at_once,
        _("Level"): receipt.level,
        _("Number of the set"): receipt.seed,
        _("Network"): _network(receipt.network),
        _("Finished (UTC)"): receipt.time,
    }


def _network(name: str) -> str:
    if name == MIXED:
        return _("The course's small networks")
    if architectures.is_known(name):
        return architectures.get(name).title
    return own_networks.title_of(name) if own_networks.is_known(name) else name


def offer_sheets(choice: Choice, questions: Sequence[Question]) -> None:
    """The set as pages to print: for everybody without the answers, for the teacher with them, too."""
    with st.container(horizontal=True, key="sheets"):
        _offer_sheet(choice, questions, _("A page to print"), answers=False)
        if rights.may_do_anything():
            _offer_sheet(choice, questions, _("Its answers"), answers=True)
        save_button(
            _("As a Jupyter notebook"),
            partial(_notebook, choice, tuple(questions)),
            f"exercises-{choice.level}-{choice.seed}.ipynb",
            key="sheet-notebook",
            mime="application/x-ipynb+json",
            icon=":material/menu_book:",
            type="tertiary",
        )


def _notebook(choice: Choice, questions: Sequence[Question]) -> str:
    from cnnviz.lessons.notebooks.exercises import exercise_notebook

    return exercise_notebook(questions, choice.level, choice.seed, source_of)


def _offer_sheet(choice: Choice, questions: Sequence[Question], label: str, answers: bool) -> None:
    name = "answers" if answers else "exercises"
    save_button(
        label,
        sheet(questions, choice.level, choice.seed, answers=answers),
        f"{name}-{choice.level}-{choice.seed}.html",
        key=f"sheet-{name}",
        mime="text/html",
        icon=":material/print:",
        type="tertiary",
    )
