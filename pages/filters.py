"""Look at what a network has learned: its filters, and what every operation makes of an image."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.filters import views
from cnnviz.ui.shared.frame import FILTERS, frame
from cnnviz.ui.shared.link_state import choose_view
from cnnviz.ui.shared.words import say

frame(Message("Filters and feature maps"), FILTERS)
st.title(_("Filters and feature maps"), anchor=False)
say(_("Begin with Feature maps: they show what every layer makes of one image."))
above = st.container()
view = choose_view(views.VIEWS)
views.show(view, above)
