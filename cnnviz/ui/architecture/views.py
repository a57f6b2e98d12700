"""The views of the Architecture page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cnnviz.language import Message
from cnnviz.ui.architecture import (
    compare,
    decoder,
    graph,
    layers,
    operation,
    shares,
    take_home,
    what_if,
    why,
)
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.shared import edits_in_link
from cnnviz.ui.shared.views import View, choose_view

VIEWS: Mapping[str, View[[Subject]]] = {
    "layers": View(Message("Layers"), layers.show),
    "changes": View(Message("Before and after"), what_if.show),
    "why": View(Message("Why"), why.show),
    "operation": View(Message("Single operation"), operation.show),
    "graph": View(Message("Graph"), graph.show),
    "bars": View(Message("Parameters by layer"), shares.show),
    "compare": View(Message("Compare"), compare.show),
    "torchinfo": View(Message("torchinfo"), compare.show_torchinfo),
    "code": View(Message("Code"), take_home.code),
    "error": View(Message("Error decoder"), lambda _subject: decoder.show()),
}


def choose() -> View[[Subject]]:
    """The view that the link names; else the one that answers best what the link says of the network."""
    default = "layers"
    if decoder.PARAMETER in st.query_params:
        default = "error"
    elif "layer" in st.query_params:
        default = "operation"
    elif edits_in_link.PARAMETER in st.query_params:
        default = "changes"
    return choose_view(VIEWS, default, wrap=True)
