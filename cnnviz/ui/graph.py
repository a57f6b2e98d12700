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
    folding, across = _look(traced)
    drawn = graph(traced, folding)
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
    st.graphviz_chart(dot(traced, drawn, colours, ink, across), width="content")


def _look(traced: Trace) -> tuple[Folding, bool]:
    """Which containers are one node each (a level for all, and exceptions), and whether it goes to the right."""
    from cnnviz.shapes.graph import Folding, containers, readable_depth

    levels = containers(traced)
    start = readable_depth(traced, READABLE) if levels else None
    left, middle, right = st.columns([3, 5, 2], vertical_alignment="bottom")
    with right:
        across = st.toggle(_("From left to right"), key="across", bind="query-params")
    if not levels:
        return Folding(), across
    offered = [_ALL, *map(str, range(1, max(levels.values()) + 1))]
    with left:
        depth = choose_one(
            _("Show"),
            offered,
            key="depth",
            kind=Message("The level of the graph"),
            title=_level,
            default=_ALL if start is None else str(start),
        )
    with middle:
        folding = _exceptions(depth, levels)
    if start is not None and depth == str(start):
        st.caption(
            _(
                "All {count:,} operations would be hard to read, so blocks from level {level} on begin folded.",
                count=len(traced.ops),
                level=start,
            )
        )
    return folding, across


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
    return _("every operation") if depth == _ALL else _("blocks of level {level} folded", level=depth)
