"""Which questions the page asks: the choices in the link, and what they give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import randint
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.bounded import kept
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.lessons.exercises.catalogue import COURSE, KINDS, LARGEST_SEED
from cnnviz.ui.architecture import network
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.link_state import choose_many, choose_number, choose_segment, put_in_link

if TYPE_CHECKING:
    from cnnviz.lessons.exercises.question import Level, Question
    from cnnviz.lessons.exercises.source import Source
    from cnnviz.tracing.trace import Trace

MIXED = "course"
"""In the link, several small networks in place of one."""
QUESTION = "question"
_LEVELS: Mapping[str, tuple[Level, Message]] = {
    "1": (1, Message("1: one step")),
    "2": (2, Message("2: more at once")),
    "3": (3, Message("3: the whole way")),
}


@dataclass(frozen=True)
class Choice:
    """What determines the questions, the same for everybody with the same link."""

    seed: int
    level: Level
    kinds: tuple[str, ...]
    network: str


def choose() -> Choice:
    """The widgets of the page; every choice is in the link."""
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="choices"):
        level = choose_segment(
            _("Level"),
            list(_LEVELS),
            key="level",
            kind=Message("level"),
            title=lambda key: str(_LEVELS[key][1]),
        )
        name = network.pick(
            _("Network"), "model", MIXED, forget=(QUESTION,), first={MIXED: _("The course's small networks")}
        )
        seed = choose_number(
            _("Number of the set"),
            key="seed",
            low=0,
            high=LARGEST_SEED,
            default=1,
            notes=notes,
            width=160,
            help=_("Everybody who chooses the same number gets the same questions."),
        )
        st.button(_("Other questions"), key="others", icon=":material/casino:", on_click=_others)
    kinds = choose_many(
        _("Kinds of questions"),
        list(KINDS),
        key="kind",
        kind=Message("kind of question"),
        title=lambda key: str(KINDS[key]),
        placeholder=_("All kinds"),
    )
    return Choice(seed, _LEVELS[level][0], tuple(kinds) or tuple(KINDS), name)


def _others() -> None:
    put_in_link("seed", randint(0, LARGEST_SEED), default=1, forget=(QUESTION,))


def source_of(name: str) -> Source:
    """The network called ``name`` in links, to ask about."""
    from cnnviz.lessons.exercises.source import Source

    shown = network.get(name)

    def traced(edits: Mapping[str, object]) -> Trace:
        written = tuple((path, json.dumps(value)) for path, value in edits.items())
        return cached.trace(name, shown.input_shape, written)

    known = shown.architecture
    return Source(name, known.name if known else shown.title, traced)


@kept
def questions(choice: Choice) -> tuple[Question, ...]:
    """The set of questions."""
    from cnnviz.lessons.exercises import generating

    names = COURSE if choice.network == MIXED else (choice.network,)
    return generating.questions(choice.seed, choice.level, choice.kinds, names, source_of)
