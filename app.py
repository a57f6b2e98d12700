"""The landing page: what this is, and which network to look into. Imports no torch."""

import streamlit as st

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import sketch
from cnnviz.ui.frame import ARCHITECTURE, DRAW, FILTERS, TRAIN, frame, is_dark, link

CARDS_A_ROW = 3


def card(architecture: Architecture) -> None:
    """One network: what it is, and the ways into it."""
    with st.container(border=True, height="stretch", key=f"card-{architecture.key}"):
        st.subheader(architecture.title, anchor=False)
        st.html(sketch.picture(architecture.family, _("The idea as a picture"), is_dark()))
        st.write(str(architecture.idea))
        st.caption(architecture.paper)
        channels, height, width = architecture.input_shape
        st.caption(
            _("Input {channels} x {height} x {width}", channels=channels, height=height, width=width)
            + " · "
            + _("{classes} classes", classes=architecture.classes)
        )
        st.space("stretch")
        checkpoint = f"{architecture.key}-{architecture.dataset}"
        with st.container(horizontal=True, gap="small"):
            link(ARCHITECTURE, _("Shapes and reasons"), model=architecture.key)
            link(TRAIN, _("Train it"), model=architecture.key)
            link(FILTERS, _("Filters"), checkpoint=checkpoint)
            link(DRAW, _("Draw for it"), checkpoint=checkpoint)


frame(Message("Look inside convolutional networks"))
st.title(_("Look inside convolutional networks"), anchor=False)
st.write(
    _(
        "Pick a network, read the shape of every layer and see where each number comes from. Then train "
        "it, look at its filters and feature maps, and draw a digit for it."
    )
)
networks = architectures.registered()
for first in range(0, len(networks), CARDS_A_ROW):
    columns = st.columns(CARDS_A_ROW)
    for column, architecture in zip(columns, networks[first : first + CARDS_A_ROW], strict=False):
        with column:
            card(architecture)
