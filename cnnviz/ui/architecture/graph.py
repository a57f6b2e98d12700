"""The graphs of a network on a page: of its operations, and of autograd's backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette
from cnnviz.plots.palette import legend
from cnnviz.ui.architecture import figure
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.charts import table_of
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_many, choose_one, choose_segment, choose_switch
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.plots.told import Told
    from cnnviz.shapes.graph import Folding, Graph, Node
    from cnnviz.tracing.trace import Trace

_PLACE = "graph-place"
_closer = in_browser(Path(__file__).parent / "graphlook", ("graphlook",))

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
        figure.offer(traced, network.name, network.title)
        _operations(traced)


def _operations(traced: Trace) -> None:
    """The graph of operations, with containers folded as the person likes it."""
    from cnnviz.shapes.graph import dot, graph

    folding, across = _look(traced)
    drawn = graph(traced, folding)
    colours = {kind: _fill_and_text(kind) for kind in palette.KINDS}
    st.html(legend(dict.fromkeys(node.kind for node in drawn.nodes if node.kind)))
    caption(
        _(
            "{nodes:,} nodes for {ops:,} operations. Arrows are tensors. Branches split and rejoin in a "
            "merge; a dashed arrow is a shortcut that bypasses a longer path to the same place. A solid "
            "grey box is a folded block, or several blocks like the one before it.",
            nodes=len(drawn.nodes),
            ops=len(traced.ops),
        )
    )
    with st.container(key="settings-graph-tools"):
        _look_closer(traced, drawn)
    with st.container(key=_PLACE):
        told = _told(traced, drawn)
        st.graphviz_chart(dot(traced, drawn, colours, _ink(), across), width="content", alt=told.words)
    table_of(told, "graph")


def _told(traced: Trace, drawn: Graph) -> Told:
    """The graph in words, and a row for each of its nodes with those that its arrows come from."""
    from cnnviz.plots.told import Table, Told

    def table() -> Table:
        sources: dict[int, list[str]] = {number: [] for number in range(len(drawn.nodes))}
        for start, end in drawn.edges:
            sources[end].append(_("input") if start < 0 else drawn.nodes[start].path)
        last = [traced.ops[node.ops[-1]] for node in drawn.nodes]
        return {
            _("node"): [node.path for node in drawn.nodes],
            _("type"): [node.type for node in drawn.nodes],
            _("arrows from"): [", ".join(names) for names in sources.values()],
            _("output"): [shape_text(op.output_shape) for op in last],
            _("parameters"): [sum(traced.ops[op].params for op in node.ops) for node in drawn.nodes],
        }

    words = _(
        "Graph of a network from its input, {input}, to its output, {output}: {nodes:,} nodes and {arrows:,} arrows, "
        "{shortcuts:,} of them shortcuts.",
        input=shape_text(traced.input_shape),
        output=shape_text(traced.ops[-1].output_shape),
        nodes=len(drawn.nodes),
        arrows=len(drawn.edges),
        shortcuts=len(drawn.shortcuts),
    )
    return Told(words, table)


def _look_closer(traced: Trace, drawn: Graph) -> None:
    """Zoom, pan, and what a node is when it is clicked; all of it in the browser."""
    _closer(
        data={
            "place": f".st-key-{_PLACE}",
            "details": {f"n{number}": _details(traced, node) for number, node in enumerate(drawn.nodes, 1)},
            "ink": _ink(),
            "paper": str(st.get_option(f"theme.{'dark' if is_dark() else 'light'}.backgroundColor")),
            "text": {
                "closer": _("Zoom in"),
                "farther": _("Zoom out"),
                "whole": _("Show all"),
                "hint": _("Click a node for details. Drag to move; + and −, or Ctrl and the wheel, zoom."),
            },
        },
        key="graph-look",
    )


def _details(traced: Trace, node: Node) -> str:
    """What there is to say about a node, in one line for each fact."""
    ops = [traced.ops[index] for index in node.ops]
    inside = sum(op.params for op in ops), sum(op.macs for op in ops)
    lines = [
        f"{node.path} ({node.type})",
        _(
            "Input: {shapes}",
            shapes=", ".join(map(shape_text, ops[0].input_shapes)) or "-",
        ),
        _("Output: {shape}", shape=shape_text(ops[-1].output_shape)),
        _("Parameters: {params:,}; multiply-adds: {macs:,}", params=inside[0], macs=inside[1]),
    ]
    if node.kind is None:
        lines.append(_("Folded: {count:,} operations", count=len(ops)))
    return "\n".join(lines)


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
    caption(
        _(
            "Training follows this graph from bottom to top, against the arrows: starting at the "
            "output, each function passes gradients to the functions that supplied its inputs, until "
            "they reach the parameters. torchviz draws it from what autograd records in a forward pass."
        )
    )
    words = _(
        "Graph of the backward pass: {nodes:,} nodes and {arrows:,} arrows.",
        nodes=source.count("[label="),
        arrows=source.count("->"),
    )
    st.graphviz_chart(source, width="content", alt=words)


def _fill_and_text(kind: str) -> tuple[str, str]:
    colour = palette.kind(kind).colour(is_dark())
    return colour, palette.text_on(colour)


def _ink() -> str:
    return "#c8ccd8" if is_dark() else "#4a4f5e"


def _look(traced: Trace) -> tuple[Folding, bool]:
    """Which containers are one node each (a level for all, and exceptions), and whether it goes to the right."""
    from cnnviz.shapes.graph import Folding, containers, readable_depth, repeats

    levels = containers(traced)
    start = readable_depth(traced, READABLE) if levels else None
    left, middle, right = st.columns([3, 5, 2], vertical_alignment="bottom")
    with right:
        across = choose_switch(_("Left to right"), key="across")
    if not levels:
        return Folding(), across  # no block: none is repeated either
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
    repeated = repeats(traced)
    if repeated and not choose_switch(
        _("Show all repeated blocks ({count:,} of them)", count=sum(len(run.paths) for run in repeated)),
        key="unfolded",
    ):
        folding = replace(folding, repeats=True)
    if start is not None and depth == str(start):
        caption(
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
