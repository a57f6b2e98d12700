"""Views of the inside of one network on the Draw page: feature maps, attribution, one output value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.draw.picture_source import Shown
from cnnviz.ui.inside import attribution, maps, pixel
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import IN_A_NETWORK, Weights
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.views import View, choose_view


def _maps(weights: Weights, shown: Shown) -> None:
    st.write(
        _(
            "The output of every operation for your picture, in order of execution. Positive values are "
            "red, negative ones blue, zero has the colour of the page."
        )
    )
    maps.cards([weights], weights.image_key(shown.pixels))


VIEWS: Mapping[str, View[[Weights, Shown]]] = {
    "maps": View(Message("Feature maps"), _maps),
    "why": View(
        Message("Attribution"),
        lambda weights, shown: attribution.show([weights], Example(shown.pixels, shown.title)),
    ),
    "value": View(
        Message("Single value"), lambda weights, shown: pixel.show(weights, weights.image_key(shown.pixels))
    ),
}


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
    view.show(by_id[picked], shown)
