"""Read a network's shapes, parameters and multiply-adds, and where each number comes from."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import architecture as parts
from cnnviz.ui import cached
from cnnviz.ui.frame import frame
from cnnviz.ui.show import explained

frame(Message("Architecture"))
st.title(_("Shapes and reasons"), anchor=False)
chosen, input_shape = parts.choose()
st.write(str(chosen.idea))
st.caption(chosen.paper)
with explained():
    traced = cached.trace(chosen.key, input_shape)
    parts.totals(traced)
    parts.failure(traced)
    parts.picture(traced, _("Shapes along {title}", title=chosen.title))
    st.header(_("Layer by layer"), anchor=False)
    parts.table(traced)
    st.header(_("Where the numbers come from"), anchor=False)
    parts.why(traced)
