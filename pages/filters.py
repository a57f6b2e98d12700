"""Look at what a network has learned: its first filters, and what every operation makes of a digit."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import filters, maps
from cnnviz.ui.frame import fragment, frame
from cnnviz.ui.show import explained
from cnnviz.ui.weights import Weights, choose_weights


def choose() -> list[Weights]:
    """The weights that are shown: one, or a checkpoint's and those that it started from."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=320):
            weights = choose_weights()
        beside = weights.checkpoint is not None and st.toggle(
            _("Next to the untrained weights"), key="untrained", bind="query-params"
        )
    return [weights, weights.start] if beside else [weights]


@fragment()
def digit(shown: list[Weights]) -> None:
    """A digit on its way through the network: another digit reruns nothing else of the page."""
    st.header(_("Feature maps"), anchor=False)
    st.write(
        _(
            "What every operation makes of one digit, in order of execution. Positive values are red, negative "
            "ones blue, zero has the colour of the page: after a ReLU no blue is left."
        )
    )
    with explained():
        example = filters.choose_example(shown[0])
        filters.verdicts(shown, example)
        maps.cards(shown, example.key(shown[0]))
        st.header(_("Look closer"), anchor=False)
        maps.closer(shown[0], example.key(shown[0]))


frame(Message("Filters and feature maps"))
st.title(_("Filters and feature maps"), anchor=False)
shown = choose()
st.header(_("First-layer filters"), anchor=False)
with explained():
    filters.filter_figures(shown)
    digit(shown)
