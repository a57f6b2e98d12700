"""Draw a digit and see every chosen network read it."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import draw
from cnnviz.ui.frame import fragment, frame


@fragment()
def studio() -> None:
    """The canvas and what follows from it: a stroke reruns nothing else of the page."""
    with st.container(horizontal=True, gap="large"):
        left, right = st.container(width=draw.SIDE), st.container(width="stretch")
    said = right.container()
    with right:
        chosen = draw.choose_checkpoints()
    with left:
        prepared = draw.prepare(draw.canvas())
    with said:
        draw.verdicts(prepared, chosen)
    if prepared is None:
        st.info(_("The canvas is empty, so there is no prediction yet."), icon=":material/draw:")
        draw.warm_up(chosen)
    else:
        draw.explain_preparation(prepared)


frame(Message("Draw a digit"))
st.title(_("Draw a digit"), anchor=False)
st.write(
    _(
        "Draw a digit from 0 to 9 with the mouse or a finger, of any size and anywhere. Each network says what it reads."
    )
)
studio()
