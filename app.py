"""The landing page: what this is, a network alive, the ways in, and the networks. Imports no torch."""

import streamlit as st

from cnnviz import architectures
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.home import first_sight, home, ways, welcome
from cnnviz.ui.shared import hosted
from cnnviz.ui.shared.frame import ARCHITECTURE, HOME, follow, frame
from cnnviz.ui.shared.words import say

frame(Message("Look inside convolutional networks"), HOME)
if hosted.is_first_page():
    follow(ARCHITECTURE, model=hosted.NAME)
st.title(_("Look inside convolutional networks"), anchor=False)
say(
    _(
        "Read the shape of every layer and see where each number comes from. Train networks, look inside "
        "them, and draw digits for them."
    )
)
with st.container(key="settings-first-steps"):  # no figure of a page that is presented
    welcome.first_steps()
first_sight.network_alive()
ways.jobs()
networks = architectures.registered("network")
trained = home.trained(networks)
st.header(_("Trained networks"), anchor=False)
home.cards(trained)
st.header(_("More networks"), anchor=False)
home.names([network for network in networks if network not in trained], "others")
st.write(_("Single blocks to compare:"))
home.names(architectures.registered("block"), "blocks")
ways.own_network()
