"""Look at what networks learn from: images, classes, values, and what a recipe does to an image."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.data import choices, views
from cnnviz.ui.data.choices import Subject
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import DATA, fragment, frame
from cnnviz.ui.shared.link_state import choose_view
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say


@fragment()
def view(subject: Subject) -> None:
    """One view: another image, or a slider, reruns nothing else of the page."""
    with explained():
        choose_view(views.VIEWS).show(subject)


frame(Message("Data"), DATA)
st.title(_("What a network learns from"), anchor=False)
with st.container(width=320):
    info = choices.choose_data()
first = _("Look at the samples first, then at what Preparation makes of one image.")
say(f"{info.idea} {first}")
views.facts(info)
if offer_download(info.key):
    with explained():
        view(choices.load(info))
