"""One layer, worked out: how large its output is, what its window reads, and what a 1x1 convolution saves."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.shapes.sliding_window import slide
from cnnviz.ui.convolution import (
    convolution,
    convolution_border,
    convolution_cost,
    convolution_saving,
    convolution_walk,
)
from cnnviz.ui.shared.frame import frame
from cnnviz.ui.shared.show import explained

frame(Message("Convolution"))
st.title(_("Convolution, one step at a time"), anchor=False)
st.write(
    _(
        "A small kernel walks over the input. At each stop it multiplies what it covers with its weights, adds "
        "everything up, and writes one output value."
    )
)
convolution.examples()
layer = convolution.choose()
with explained():
    walks = slide(layer.window, layer.height, layer.width)
    with st.container(border=True, key="size"):
        convolution.answer(layer, walks)
        convolution_border.show(layer, walks)
    st.header(_("Watch it walk"), anchor=False)
    convolution_walk.show(layer, walks)
    st.header(_("What the layer costs"), anchor=False)
    convolution_cost.show(layer, walks)
st.header(_("What a 1x1 convolution saves"), anchor=False)
with explained():
    convolution_saving.show()
