"""Draw a digit, or show a picture, and see every chosen network read it."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.draw import draw, stages
from cnnviz.ui.draw.canvas import SIDE
from cnnviz.ui.draw.picture_source import answer, choose_picture, place_of_answer
from cnnviz.ui.inside import inside as within
from cnnviz.ui.inside import readings
from cnnviz.ui.inside.weights import Weights, of_checkpoint
from cnnviz.ui.shared.frame import fragment, frame
from cnnviz.ui.shared.show import explained


@fragment()
def studio() -> None:
    """The canvas and what follows from it: a stroke reruns nothing else of the page."""
    found = draw.all_checkpoints()
    introduction = st.container()
    with st.container(horizontal=True, gap="medium"):
        task = draw.choose_task(found)
        source = draw.choose_source(task)
    with introduction:
        draw.introduce(task)
    with st.container(horizontal=True, gap="small"):
        left, right = st.container(width=SIDE), st.container(width="stretch")
    with right:
        said = st.container()
        chosen = [of_checkpoint(checkpoint) for checkpoint in draw.choose_checkpoints(found, task)]
    with left:
        place = place_of_answer()
        shown = choose_picture(task, source)
    with said:
        labels = readings.cards(None if shown is None else shown.pixels, chosen)
    with place:
        answer(shown, labels, source)
    if shown is None:
        readings.warm_up(chosen)
        return
    if shown.way is not None:
        st.subheader(_("What the networks get"), anchor=False)
        stages.show(shown.way())
    inside(shown, chosen)


@fragment()
def inside(shown: draw.Shown, chosen: list[Weights]) -> None:
    """What happens within one of the networks: after the verdicts, which nobody should wait for."""
    if chosen:
        st.subheader(_("Inside the network"), anchor=False)
        with explained():
            within.show(shown, chosen)


frame(Message("Draw"))
studio()
