"""The views of the Architecture page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.ui.architecture import (
    architecture,
    compare,
    decoder,
    graph,
    operation,
    reports,
    shares,
    take_home,
    what_if,
    why,
)
from cnnviz.ui.architecture.network import Network
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.views import View, choose_view

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

VIEWS: Mapping[str, View[[Network, Edits, Trace]]] = {
    "layers": View(Message("Layers"), architecture.layers),
    "changes": View(Message("Before and after"), architecture.changes),
    "why": View(Message("Why"), lambda _network, _edits, traced: why.show(traced)),
    "operation": View(Message("Any operation"), lambda _network, _edits, traced: operation.ask(traced)),
    "graph": View(Message("Graph"), graph.show),
    "bars": View(Message("Where the parameters sit"), shares.show),
    "compare": View(Message("Compare"), compare.show),
    "torchinfo": View(Message("torchinfo"), reports.show),
    "code": View(Message("Code"), take_home.code),
    "error": View(Message("Error decoder"), lambda _network, _edits, _traced: decoder.show()),
}


def choose() -> View[[Network, Edits, Trace]]:
    """The view that the link names; else the one that answers best what the link says of the network."""
    default = "layers"
    if decoder.PARAMETER in st.query_params:
        default = "error"
    elif "layer" in st.query_params:
        default = "operation"
    elif what_if.PARAMETER in st.query_params:
        default = "changes"
    return choose_view(VIEWS, default, wrap=True)
