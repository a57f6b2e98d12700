"""The views of the Architecture page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui import architecture, compare, graph, operation, reports, shares, take_home
from cnnviz.ui.cached import Edits
from cnnviz.ui.choice import choose_one
from cnnviz.ui.network import Network

if TYPE_CHECKING:
    from cnnviz.shapes.trace import Trace


class View(NamedTuple):
    """A view: its title, and what draws it from the network, its edits and its trace."""

    title: Message
    show: Callable[[Network, Edits, Trace], None]


VIEWS: Mapping[str, View] = {
    "layers": View(Message("Layers"), architecture.layers),
    "why": View(Message("Why"), lambda _network, _edits, traced: architecture.why(traced)),
    "operation": View(Message("Any operation"), lambda _network, _edits, traced: operation.ask(traced)),
    "graph": View(Message("Graph"), graph.show),
    "bars": View(Message("Where the parameters sit"), lambda _network, _edits, traced: shares.show(traced)),
    "compare": View(Message("Compare"), compare.show),
    "torchinfo": View(Message("torchinfo"), reports.show),
    "code": View(Message("Code"), take_home.code),
}


def choose() -> str:
    """The view that the link names; where it names a layer and no view, the one that tells of this layer."""
    return choose_one(
        _("View"),
        list(VIEWS),
        key="view",
        kind=Message("The view"),
        title=lambda key: str(VIEWS[key].title),
        default="operation" if "layer" in st.query_params else "layers",
        widget=partial(st.segmented_control, required=True, label_visibility="collapsed", wrap=True),
    )
