"""The graphs of a network on a page: of its operations, and of autograd's backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.shapes.table import legend
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_many, choose_one, choose_segment, choose_switch

if TYPE_CHECKING:
    from cnnviz.shapes.graph import Folding
    from cnnviz.tracing.trace import Trace

READABLE = 100
"""Nodes; a larger graph starts folded."""

_ALL = "all"
_GRAPHS = {"forward": Message("Operations, forward"), "backward": Message("Autograd, backward")}
_PARTS = {
    "function": ("other", Message("function that computes gradients")),
    "parameter": ("pooling", Message("parameter")),
    "saved": ("normalisation", Message("tensor saved for the backward pass")),
    "output": ("reshape", Message("output")),
}
"""The parts of autograd's graph (cnnviz.shapes.graph.PARTS): the kind whose colour each takes, its name."""


def show(subject: Subject) -> None:
    """The graph of operations or that of the backward pass, whichever is chosen."""
    network, edits, traced = subject.network, subject.edits, subject.trace
    backward = choose_segment(
        _("Graph"),
        list(_GRAPHS),
        key="pass",
        kind=Message("graph"),
        title=lambda key: str(_GRAPHS[key]),
        label_visibility="collapsed",
    )
    if backward == "backward":
        _autograd(network, edits, traced)
    elif traced.ops:
        _operations(traced)


def _operations(traced: Trace) -> None:
    """The graph of operations, with containers folded as the person likes it."""
    from cnnviz.shapes.graph import dot, graph

    folding, across = _look(traced)
    drawn = graph(traced, folding)
    colours = {kind: _fill_and_text(kind) for kind in palette.KINDS}
    st.html(legend(dict.fromkeys(node.kind for node in drawn.nodes if node.kind)))
    st.caption(
        _(
            "{nodes:,} nodes for {ops:,} operations. Arrows are tensors. Branches split and rejoin in a "
            "merge; a dashed arrow is a shortcut that bypasses a longer path to the same place. A solid "
            "grey box is a folded block.",
            nodes=len(drawn.nodes),
            ops=len(traced.ops),
        )
    )
    st.graphviz_chart(dot(traced, drawn, colours, _ink(), across), width="content")


def _autograd(network: Network, edits: Edits, traced: Trace) -> None:
    """What autograd remembers of a forward pass, to go back through it."""
    parts = {part: _fill_and_text(kind) for part, (kind, _title) in _PARTS.items()}
    with st.spinner(_("Building the autograd graph ...")):
        source = cached.autograd_dot(network.name, traced.input_shape, edits, tuple(parts.items()), _ink())
    entries = "".join(
        f'<span><span class="cnnviz-swatch {palette.kind_class(kind)}"></span> {escape(str(title))}</span>'
        for part, (kind, title) in _PARTS.items()
        if parts[part][0] in source
    )
    st.html(f'<div class="cnnviz-legend">{entries}</div>')
    st.caption(
        _(
            "Training follows this graph from bottom to top, against the arrows: starting at the "
            "output, each function passes gradients to the functions that supplied its inputs, until "
            "they reach the parameters. torchviz draws it from what autograd records in a forward pass."
        )
    )
    st.graphviz_chart(source, width="content")


def _fill_and_text(kind: str) -> tuple[str, str]:
    colour = palette.kind(kind).colour(is_dark())
    return colour, palette.text_on(colour)


def _ink() -> str:
    return "#c8ccd8" if is_dark() else "#4a4f5e"


def _look(traced: Trace) -> tuple[Folding, bool]:
    """Which containers are one node each (a level for all, and exceptions), and whether it goes to the right."""
    from cnnviz.shapes.graph import Folding, containers, readable_depth

    levels = containers(traced)
    start = readable_depth(traced, READABLE) if levels else None
    left, middle, right = st.columns([3, 5, 2], vertical_alignment="bottom")
    with right:
        across = choose_switch(_("Left to right"), key="across")
    if not levels:
        return Folding(), across
    offered = [_ALL, *map(str, range(1, max(levels.values()) + 1))]
    with left:
        depth = choose_one(
            _("Show"),
            offered,
            key="depth",
            kind=Message("graph level"),
            title=_level,
            default=_ALL if start is None else str(start),
        )
    with middle:
        folding = _exceptions(depth, levels)
    if start is not None and depth == str(start):
        st.caption(
            _(
                "All {count:,} operations would be hard to read, so blocks from level {level} on are "
                "folded at first.",
                count=len(traced.ops),
                level=start,
            )
        )
    return folding, across


def _exceptions(depth: str, levels: Mapping[str, int]) -> Folding:
    """The containers that are folded although, or unfolded although, the level says otherwise."""
    from cnnviz.shapes.graph import Folding

    kind = Message("block")
    if depth == _ALL:
        nothing = _("all blocks are open")
        return Folding(
            folded=frozenset(choose_many(_("Fold"), list(levels), key="fold", kind=kind, placeholder=nothing))
        )
    offered = [path for path, level in levels.items() if level >= int(depth)]
    nothing = _("no block at this level or below is open")
    unfolded = choose_many(_("Unfold"), offered, key="unfold", kind=kind, placeholder=nothing)
    return Folding(int(depth), unfolded=frozenset(unfolded))


def _level(depth: str) -> str:
    return _("all operations") if depth == _ALL else _("blocks of level {level} folded", level=depth)
