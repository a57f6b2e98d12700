"""Draw a digit, or show a picture, and see every chosen network read it."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.draw import choices, stages, views
from cnnviz.ui.draw.canvas import SIDE
from cnnviz.ui.draw.choices import Shown
from cnnviz.ui.inside import verdicts
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.frame import DRAW, fragment, frame
from cnnviz.ui.shared.problems import explained


@fragment()
def studio() -> None:
    """The canvas and what follows from it: a stroke reruns nothing else of the page."""
    found = choices.in_order()
    introduction = st.container()
    with st.container(horizontal=True, gap="small"):
        task = choices.choose_task(found)
        source = choices.choose_source(task)
    with introduction:
        choices.introduce(task)
    with st.container(horizontal=True, gap="small"):
        left, right = st.container(width=SIDE), st.container(width="stretch")
    with right:
        said = st.container()
        chosen = choices.choose_networks(found, task)
    with left:
        place = views.place_of_answer()
        shown = choices.choose_picture(task, source)
    with said:
        labels = verdicts.cards(None if shown is None else shown.pixels, chosen)
    with place:
        views.answer(shown, labels, source)
    if shown is None:
        verdicts.warm_up(chosen)
        return
    if shown.way is not None:
        st.subheader(_("Network input"), anchor=False)
        stages.show(shown.way())
    inside(shown, chosen)


@fragment()
def inside(shown: Shown, chosen: list[Weights]) -> None:
    """What happens within one of the networks: after the verdicts, which nobody should wait for."""
    if chosen:
        st.subheader(_("Inside the network"), anchor=False)
        with explained():
            views.show(shown, chosen)


frame(Message("Draw"), DRAW)
studio()
