"""The landing page: what this is, and which network to look into. Imports no torch."""

import streamlit as st

from cnnviz import architectures
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.home import home
from cnnviz.ui.shared.frame import frame

frame(Message("Look inside convolutional networks"))
st.title(_("Look inside convolutional networks"), anchor=False)
st.write(
    _(
        "Pick a network, read the shape of every layer and see where each number comes from. Then train "
        "it, look at its filters and feature maps, and draw a digit for it to recognise."
    )
)
networks = architectures.registered("network")
trained = home.trained(networks)
home.cards(trained)
st.header(_("More networks"), anchor=False)
home.short_cards([network for network in networks if network not in trained])
st.header(_("Single blocks to compare"), anchor=False)
home.names(architectures.registered("block"))
