"""One layer, worked out: how large its output is, what its window reads, and what a 1x1 convolution saves."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.shapes.sliding_window import slide
from cnnviz.ui.convolution import animation, cost, layer
from cnnviz.ui.shared.frame import CONVOLUTION, frame
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say

frame(Message("Convolution"), CONVOLUTION)
st.title(_("Convolution, step by step"), anchor=False)
say(
    _(
        "A small kernel slides over the input. At each position it multiplies the values it covers by "
        "its weights, adds up the products, and writes one output value."
    )
)
layer.examples()
chosen = layer.choose()
with explained():
    walks = slide(chosen.window, chosen.height, chosen.width)
    layer.show_size(chosen, walks)
    st.header(_("Watch the window slide"), anchor=False)
    animation.show(chosen, walks)
    st.header(_("Cost of the layer"), anchor=False)
    cost.show(chosen, walks)
st.header(_("What a 1x1 convolution saves"), anchor=False)
with explained():
    cost.show_saving()
