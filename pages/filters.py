"""Look at what a network has learned: its filters, and what every operation makes of an image."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.filters import views
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.downloads import offer_weights
from cnnviz.ui.shared.frame import FILTERS, frame
from cnnviz.ui.shared.link_state import choose_view
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say

frame(Message("Filters and feature maps"), FILTERS)
st.title(_("Filters and feature maps"), anchor=False)
say(_("Begin with Feature maps: they show what every layer makes of one image."))
above = st.container()
view = choose_view(views.VIEWS)
with explained():
    with above:
        shown = views.choose_shown(view)
    if shown[0].key[0] != "pretrained" or offer_weights(shown[0].key[1]):
        for weights in shown:
            cached.make_ready(weights.key)
        view.show(shown)
