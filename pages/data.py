"""Look at what networks learn from: images, classes, values, and what a recipe does to an image."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.data import data
from cnnviz.ui.data.data_views import Subject
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import fragment, frame
from cnnviz.ui.shared.show import explained
from cnnviz.ui.shared.views import choose_view


@fragment()
def view(subject: Subject) -> None:
    """One view: another image, or a slider, reruns nothing else of the page."""
    with explained():
        choose_view(data.VIEWS).show(subject)


frame(Message("Data"))
st.title(_("What a network learns from"), anchor=False)
with st.container(width=320):
    info = data.choose_data()
st.write(str(info.idea))
data.facts(info)
if offer_download(info.key):
    with explained():
        view(data.load(info))
