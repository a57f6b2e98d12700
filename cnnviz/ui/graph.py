"""The graph of operations on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.ui.frame import is_dark

if TYPE_CHECKING:
    from cnnviz.shapes.trace import Trace


def show(traced: Trace) -> None:
    """The graph, where somebody wants to see it; containers can be folded into one node each."""
    from cnnviz.shapes.graph import depths, dot

    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle(_("Show the graph of operations"), key="graph", bind="query-params")
        levels = depths(traced)
        folded = wanted and levels > 0
        if folded:
            folded = st.toggle(_("One node for each block"), key="folded", bind="query-params")
    if not wanted:
        return
    dark = is_dark()
    colours = {
        kind: (style.colour(dark), palette.text_on(style.colour(dark)))
        for kind, style in palette.KINDS.items()
    }
    ink = "#c8ccd8" if dark else "#4a4f5e"
    st.graphviz_chart(dot(traced, colours, ink, 1 if folded else None), width="content")
    st.caption(
        _(
            "Arrows are tensors. Branches part and meet again in a merge; a shortcut is an arrow that passes "
            "by the operations beside it."
        )
    )
