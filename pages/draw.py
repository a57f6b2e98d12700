"""Draw a digit and see every chosen network read it."""

import streamlit as st

from cnnviz.drawing import Prepared
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints import Checkpoint
from cnnviz.ui import draw, maps
from cnnviz.ui.frame import fragment, frame
from cnnviz.ui.show import explained
from cnnviz.ui.weights import of_checkpoint


@fragment()
def studio() -> None:
    """The canvas and what follows from it: a stroke reruns nothing else of the page."""
    with st.container(horizontal=True, gap="small"):
        left, right = st.container(width=draw.SIDE), st.container(width="stretch")
    with right:
        said = st.container()
        chosen = draw.choose_checkpoints()
    with left:
        answer = draw.place_of_answer()
        prepared = draw.drawing()
    with said:
        labels = draw.verdicts(prepared, chosen)
    with answer:
        draw.answer(prepared, labels)
    with left:
        draw.advise(prepared)
    if prepared is None:
        if chosen:
            st.info(_("The canvas is empty, so there is no prediction yet."), icon=":material/draw:")
        draw.warm_up(chosen)
    else:
        draw.explain_preparation(prepared)
        inside(prepared, chosen)


@fragment()
def inside(prepared: Prepared, chosen: list[Checkpoint]) -> None:
    """The feature maps of the drawing: after the verdicts, which nobody should wait for."""
    if not chosen:
        return
    st.subheader(_("Inside the network"), anchor=False)
    st.write(
        _(
            "What every operation makes of your drawing, in order of execution. Positive values are red, "
            "negative ones blue, zero has the colour of the page."
        )
    )
    with explained():
        weights = of_checkpoint(draw.choose_one_of(chosen))
        maps.cards([weights], weights.image_key(prepared.image[None]))


frame(Message("Draw a digit"))
st.title(_("Draw a digit"), anchor=False)
st.write(
    _(
        "Draw one digit from 0 to 9 with the mouse or a finger: anywhere on the canvas, and not too small. Each "
        "network says what it reads."
    )
)
studio()
