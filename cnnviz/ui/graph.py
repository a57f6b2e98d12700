"""The graphs of a network on a page: of its operations, and of autograd's backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.ui.cached import Edits
from cnnviz.ui.choice import choose_many, choose_one
from cnnviz.ui.frame import is_dark
from cnnviz.ui.network import Network

if TYPE_CHECKING:
    from cnnviz.shapes.graph import Folding
    from cnnviz.shapes.trace import Trace

READABLE = 100
"""Nodes; a larger graph starts folded."""

_ALL = "all"


def show(network: Network, edits: Edits, traced: Trace) -> None:
    """The graph of operations, with containers folded as the person likes it."""
    from cnnviz.shapes.graph import dot, graph
    from cnnviz.shapes.html import legend

    if not traced.ops:
        return
    drawn = graph(traced, _folding(traced))
    dark = is_dark()
    colours = {
        kind: (style.colour(dark), palette.text_on(style.colour(dark)))
        for kind, style in palette.KINDS.items()
    }
    ink = "#c8ccd8" if dark else "#4a4f5e"
    st.html(legend(dict.fromkeys(node.kind for node in drawn.nodes if node.kind), dark))
    st.caption(
        _(
            "{nodes:,} nodes for {ops:,} operations. Arrows are tensors. Branches part and meet again in a "
            "merge; a dashed arrow is a shortcut, beside which a longer way leads to the same place. A solid "
            "grey box stands for a folded block.",
            nodes=len(drawn.nodes),
            ops=len(traced.ops),
        )
    )
    st.graphviz_chart(dot(traced, drawn, colours, ink), width="content")


def _folding(traced: Trace) -> Folding:
    """Which containers are one node each: a level for all, and exceptions."""
    from cnnviz.shapes.graph import Folding, containers, readable_depth

    levels = containers(traced)
    if not levels:
        return Folding()
    start = readable_depth(traced, READABLE)
    offered = [_ALL, *map(str, range(1, max(levels.values()) + 1))]
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        depth = choose_one(
            _("Show"),
            offered,
            key="depth",
            kind=Message("The level of the graph"),
            title=_level,
            default=_ALL if start is None else str(start),
        )
    with right:
        folding = _exceptions(depth, levels)
    if start is not None and depth == str(start):
        st.caption(
            _(
                "All {count:,} operations would be hard to read, so blocks from level {level} on begin folded.",
                count=len(traced.ops),
                level=start,
            )
        )
    return folding


def _exceptions(depth: str, levels: Mapping[str, int]) -> Folding:
    """The containers that are folded although, or unfolded although, the level says otherwise."""
    from cnnviz.shapes.graph import Folding

    kind = Message("The block")
    if depth == _ALL:
        nothing = _("every block is open")
        return Folding(
            folded=frozenset(choose_many(_("Fold"), list(levels), key="fold", kind=kind, placeholder=nothing))
        )
    offered = [path for path, level in levels.items() if level >= int(depth)]
    nothing = _("no block of this level or below is open")
    unfolded = choose_many(_("Unfold"), offered, key="unfold", kind=kind, placeholder=nothing)
    return Folding(int(depth), unfolded=frozenset(unfolded))


def _level(depth: str) -> str:
    return _("every operation") if depth == _ALL else _("blocks down to level {level}", level=depth)
