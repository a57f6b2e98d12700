"""The views of the Architecture page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.architecture import compare, decoder, graph, layers, network, overview, what_if, why
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.shared import cached, controls
from cnnviz.ui.shared.link_state import EDITS, View, choose_segment, edits_in_link
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.query import Pairs, query

VIEWS: Mapping[str, View[[Subject]]] = {
    "layers": View(Message("Layers"), layers.show),
    "changes": View(Message("Before and after"), what_if.show),
    "why": View(Message("Why"), why.show),
    "operation": View(Message("Single operation"), why.show_operation),
    "graph": View(Message("Graph"), graph.show),
    "bars": View(Message("Parameters by layer"), overview.shares),
    "compare": View(Message("Compare"), compare.show),
    "torchinfo": View(Message("torchinfo"), compare.show_torchinfo),
    "code": View(Message("Code"), layers.show_code),
}
DECODER = "error"
"""The choice that opens a page of its own, which is about no network."""


def decodes() -> bool:
    """Whether the link asks for the error decoder: by the view, or with an error and no view."""
    return query.get("view", DECODER if decoder.PARAMETER in query else "") == DECODER


def choose_subject(changes: bool = True) -> Subject:
    """The network in the link with its trace; ``changes`` says whether fields are offered that change its layers.

    Raises:
        CnnvizError: such a network cannot be built.
    """
    chosen, input_shape = network.choose()
    edits = network.choose_options(chosen.architecture, edits_in_link())
    if changes:
        known = network.options_among(chosen.architecture, edits)
        with explained(), st.container(key="settings-what-if"):
            edits = what_if.choose(chosen.name, edits, known)
    with st.spinner(_("Tracing {title} ...", title=chosen.title)):
        return Subject(chosen, edits, cached.trace(chosen.name, input_shape, edits))


def show_alone(view: str) -> None:
    """One view with the choice of its network, on another page than its own."""
    if network.is_text():
        st.info(_("Your own network opens on its own page."), icon=":material/edit_note:")
        return
    with what_if.possible():
        subject = choose_subject(changes=view == "changes")
        overview.failure(subject.trace)
        VIEWS[view].show(subject)


def choose() -> View[[Subject]]:
    """The view that the link names; else the one that answers best what the link says of the network."""
    default = "layers"
    if "layer" in query:
        default = "operation"
    elif EDITS in query:
        default = "changes"
    titles = {**{key: view.title for key, view in VIEWS.items()}, DECODER: Message("Error decoder")}
    chosen = choose_segment(
        _("View"),
        titles,
        key="view",
        kind=Message("view"),
        default=default,
        label_visibility="collapsed",
    )
    return VIEWS[chosen]


@controls.offers(Control.SHARING)
def link() -> None:
    """The address of what is on the page, to copy."""
    with st.popover(_("Link"), icon=":material/link:", help=_("A link to exactly this view")):
        st.write(_("The address contains every choice on this page. Copy it to share this view."))
        st.code(address(query.pairs()), language=None, wrap_lines=True)


def address(pairs: Pairs) -> str:
    """The page's address with these parameters, as a browser takes it."""
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(pairs)}"
