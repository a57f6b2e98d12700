"""The canvas or another picture, what the networks say, and what happens in one of them: all that the Draw page shows."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.ui.draw import canvas, choices, live, stages, views
from cnnviz.ui.draw.choices import Shown
from cnnviz.ui.inside import verdicts
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.problems import explained


@fragment()
def show(introduced: bool = True) -> None:
    """The canvas, or another picture, and what follows from it; ``introduced`` with title and first words."""
    found = choices.in_order()
    introduction = st.container()
    with st.container(horizontal=True, gap="small"):
        task = choices.choose_task(found)
        source = choices.choose_source(task)
    if introduced:
        with introduction:
            choices.introduce(task)
    with st.container(horizontal=True, gap="small", key="together-drawing"):
        left, right = st.container(width=canvas.SIDE, key="paper"), st.container(width="stretch")
    with right:
        said = st.container()
        chosen = choices.choose_networks(found, task)
    if source == "draw":
        with left:
            canvas.draw()
        with said:
            live.cards(chosen)
    else:
        with left:
            place = st.container(height=52, border=False, key="answer")
            shown = choices.choose_picture(task, source)
        with said:
            labels = verdicts.cards(None if shown is None else shown.pixels, chosen)
        with place:
            views.answer(shown, labels)
    with said:
        if chosen:
            verdicts.caution()
    if source == "draw":
        _of_drawing(chosen)
    elif shown is not None:
        _of_picture(shown, chosen)
    else:
        verdicts.warm_up(chosen)


@fragment()
def _of_drawing(chosen: Sequence[Weights]) -> None:
    """How the drawing became the networks' input, and what happens within one of them, when the pen rests."""
    with st.container(key="follows-drawing"):
        canvas.follow("drawing")
        with explained():  # what a browser sends may be damaged
            shown = choices.drawn()
            if shown is None:
                st.info(_("The canvas is empty, so there is no prediction yet."), icon=":material/draw:")
            else:
                _details(shown, chosen)


@fragment()
def _of_picture(shown: Shown, chosen: Sequence[Weights]) -> None:
    """The same for another picture: after the verdicts, which nobody should wait for."""
    _details(shown, chosen)


def _details(shown: Shown, chosen: Sequence[Weights]) -> None:
    if shown.way is not None:
        st.subheader(_("Network input"), anchor=False)
        stages.show(shown.way())
    if chosen:
        st.subheader(_("Inside the network"), anchor=False)
        with explained():
            views.show(shown, chosen)
