"""How good a trained network is: on which images it fails, how sure it is of what it says."""

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.evaluate import choices
from cnnviz.ui.evaluate.views import VIEWS
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import EVALUATE, fragment, frame
from cnnviz.ui.shared.link_state import choose_view
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.words import say


@fragment()
def results(network: choices.Network, known: choices.Known, data: DatasetInfo) -> None:
    """One view: a click on a cell, or another page of images, reruns nothing else of the page."""
    with explained():
        view = choose_view(VIEWS)
        seen = datasets.overlap(network.dataset, data.key)
        if seen is not None and network.checkpoint is not None:
            st.warning(plain(seen), icon=":material/visibility:")
        view.show(choices.Subject.of(network, data), known)


frame(Message("Evaluate"), EVALUATE)
st.title(_("How good is a network?"), anchor=False)
say(
    _(
        "A trained network is tested on every test image. See how often it is correct, what it "
        "confuses, where it fails, and whether its confidence matches its accuracy. Begin with the "
        "confusion matrix, and click a cell to see its images."
    )
)
with st.container(horizontal=True):
    with st.container(width=320):
        chosen = choices.choose_network()
    if chosen is not None:
        with st.container(width=240), explained():
            info = choices.choose_data(chosen[0])
if chosen is not None and offer_download(info.key):
    results(*chosen, info)
