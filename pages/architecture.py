"""Read a network's shapes, parameters and multiply-adds, and where each number comes from."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.architecture import decoder, network, overview, views, what_if
from cnnviz.ui.shared.frame import ARCHITECTURE, frame
from cnnviz.ui.shared.problems import explained

frame(Message("Architecture"), ARCHITECTURE)
if views.decodes():
    decoder.show()
    st.stop()
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.title(_("Shapes explained"), anchor=False)
    corner = st.container(width="content")
if network.is_text():
    network.expect_text()
    from cnnviz.ui.architecture.own import page

    page.show(corner)
    st.stop()
with what_if.possible():
    subject = views.choose_subject()
    traced = subject.trace
    if traced.failure is None:
        overview.totals(subject)
    overview.failure(traced)
    view = views.choose()
    with corner:
        views.link()
    with explained():
        view.show(subject)
    if traced.failure is not None:
        overview.totals(subject)
    with st.container(key="about"):
        overview.about(subject)
network.remember_person()
