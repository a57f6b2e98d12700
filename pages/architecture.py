"""Read a network's shapes, parameters and multiply-adds, and where each number comes from."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import architecture as parts
from cnnviz.ui import cached, graph, operation, take_home, what_if
from cnnviz.ui.frame import frame
from cnnviz.ui.show import explained

frame(Message("Architecture"))
st.title(_("Shapes and reasons"), anchor=False)
chosen, input_shape = parts.choose()
st.write(str(chosen.idea))
st.caption(chosen.paper)
edits = what_if.edits_in_link()
with explained():
    what_if.choose(chosen.key, edits)
with explained():
    traced = cached.trace(chosen.key, input_shape, edits)
    parts.totals(traced)
    parts.failure(traced)
    if edits:
        with st.expander(_("Before and after the changes"), expanded=True):
            what_if.before_and_after(cached.trace(chosen.key, chosen.input_shape), traced)
    parts.picture(traced, _("Shapes along {title}", title=chosen.title))
    graph.show(traced)
    st.header(_("Layer by layer"), anchor=False)
    parts.table(traced, chosen.key)
    take_home.source(chosen)
    st.header(_("Where the numbers come from"), anchor=False)
    parts.why(traced)
    st.header(_("Ask any operation"), anchor=False)
    operation.ask(traced)
