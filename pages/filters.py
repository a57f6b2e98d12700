"""Look at what a network has learned: its filters, and what every operation makes of an image."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.filters import choices
from cnnviz.ui.filters.views import VIEWS
from cnnviz.ui.inside.weights import Weights, choose_weights
from cnnviz.ui.shared.downloads import offer_weights
from cnnviz.ui.shared.frame import frame
from cnnviz.ui.shared.link_state import choose_switch
from cnnviz.ui.shared.show import explained
from cnnviz.ui.shared.views import choose_view


def choose(compares: bool) -> list[Weights]:
    """The weights that are shown: one, or trained ones and those that they started from.

    ``compares`` says whether the view shows two side by side.
    """
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=320):
            weights = choose_weights(notes)
        weights = choices.choose_step(weights)
        start = weights.start if compares else None
        beside = start and choose_switch(_("Next to the untrained weights"), key="untrained")
    return [weights, start] if start and beside else [weights]


frame(Message("Filters and feature maps"))
st.title(_("Filters and feature maps"), anchor=False)
above = st.container()
view = choose_view(VIEWS)
with above:
    shown = choose(view.compares)
if shown[0].key[0] != "pretrained" or offer_weights(shown[0].key[1]):
    with explained():
        view.show(shown)
