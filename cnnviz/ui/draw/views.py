"""What the Draw page shows of the networks: their answer in one line, and the inside of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.draw.choices import Shown
from cnnviz.ui.inside import attribution, by_hand, living, maps, verdicts
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import IN_A_NETWORK, Weights
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.link_state import View, choose_one, choose_view
from cnnviz.ui.shared.words import say


def _maps(weights: Weights, shown: Shown) -> None:
    say(
        _(
            "The output of every operation for your picture, in order of execution. Positive values are "
            "red, negative ones blue, zero has the colour of the page."
        )
    )
    maps.cards([weights], weights.image_key(shown.pixels))


VIEWS: Mapping[str, View[[Weights, Shown]]] = {
    "maps": View(Message("Feature maps"), _maps),
    "network": View(
        Message("The network"), lambda weights, shown: living.show(weights, weights.image_key(shown.pixels))
    ),
    "why": View(
        Message("Attribution"),
        lambda weights, shown: attribution.show([weights], Example(shown.pixels, shown.title)),
    ),
    "value": View(
        Message("Single value"),
        lambda weights, shown: by_hand.show(weights, Example(shown.pixels, shown.title)),
    ),
}


def answer(shown: Shown | None, labels: Sequence[str]) -> None:
    """What most networks say, and below it what the others say."""
    text, rest = ("", "") if shown is None else verdicts.summary(labels)
    if not labels:
        text = _("No network chosen.")
    st.html(
        f'<div role="status" class="cnnviz-answer"><div>{escape(text)}</div><div>{escape(rest)}</div></div>'
    )


def show(shown: Shown, chosen: Sequence[Weights]) -> None:
    """The chosen view of the chosen network, both from the link."""
    by_id = {weights.key[1]: weights for weights in chosen}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=320):
            picked = choose_one(
                _("Network"),
                list(by_id),
                key="inside",
                kind=Message("checkpoint"),
                title=lambda id_: by_id[id_].title,
                forget=IN_A_NETWORK,
            )
        view = choose_view(VIEWS, label_visibility="visible")
        _save(by_id[picked])
    view.show(by_id[picked], shown)


def _save(weights: Weights) -> None:
    """The network as a page to take home, where it can be one."""
    from cnnviz.browser.saving import can_be_page, page_of

    checkpoint = weights.checkpoint
    if checkpoint is None or not can_be_page(checkpoint, weights.trace):
        return
    save_button(
        _("Save as a page"),
        lambda: page_of(checkpoint),
        f"{checkpoint.id}.html",
        key="save-page",
        mime="text/html",
        help=_("One HTML file with this network in it: it works by itself, offline and without a server."),
    )
