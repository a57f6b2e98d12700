"""Feature maps on a page: a card for every op, in order of execution."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.language import translate as _
from cnnviz.operations.op import Op, shape_text
from cnnviz.plots.palette import chip, legend
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_number
from cnnviz.ui.shared.pictures import png_address
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.interpret.activations import FeatureMaps

CARDS = 30
"""Cards per page: more would take long to load and to read."""


def cards(shown: Sequence[Weights], image: ImageKey) -> None:
    """The feature maps of every op; two networks share a card and its colour scale.

    Of a network with very many ops the link's ``stage`` says which part of them.
    """
    maps = [cached.feature_maps(weights.key, image) for weights in shown]
    first = _choose_stage(len(maps[0]))
    part = slice(first, first + CARDS)
    limits = tuple(
        max(found.limit for found in same) for same in zip(*(found[part] for found in maps), strict=True)
    )
    pictures = [cached.map_pictures(weights.key, image, first, limits, is_dark()) for weights in shown]
    st.html(legend(dict.fromkeys(found.op.kind for found in maps[0][part])))
    rows = []
    for number, (limit, *same) in enumerate(zip(limits, *(found[part] for found in maps), strict=True)):
        parts = [
            _picture(
                pictures[index][number],
                _("Feature maps of {op}", op=found.op.name),
                _note(weights, found, len(shown) > 1),
            )
            for index, (weights, found) in enumerate(zip(shown, same, strict=True))
        ]
        scale = _("same scale for both: ±{limit:.3g}", limit=limit) if len(shown) > 1 else ""
        body = f'<div class="cnnviz-side-by-side">{"".join(parts)}</div>'
        rows.append(f'<figure class="cnnviz-card">{_heading(same[0].op, scale)}{body}</figure>')
    st.html(f'<div class="{"cnnviz-card-rows" if len(shown) > 1 else "cnnviz-cards"}">{"".join(rows)}</div>')


def _choose_stage(count: int) -> int:
    """The index of the first op that is shown."""
    stages = -(-count // CARDS)
    if stages == 1:
        return 0
    with st.container(width=320):
        stage = choose_number(
            _("Part of the network (of {stages})", stages=stages), key="stage", low=1, high=stages, default=1
        )
    first = (stage - 1) * CARDS
    caption(
        _(
            "Operations {first} to {last} of {count}.",
            first=first + 1,
            last=min(first + CARDS, count),
            count=count,
        )
    )
    return first


def _heading(op: Op, scale: str) -> str:
    """An op's kind, name, type and shape, as HTML; ``scale`` is what there is to say about its colours."""
    facts = " · ".join(filter(None, (op.type, shape_text(op.output_shape), scale)))
    return (
        f"<figcaption>{chip(op.kind)} <b>{escape(op.name)}</b> "
        f'<span class="cnnviz-note">{escape(facts)}</span></figcaption>'
    )


def _picture(data: bytes, description: str, note: str) -> str:
    picture = f'<img class="cnnviz-pixels" src="{png_address(data)}" alt="{escape(description)}">'
    return f'<div>{picture}<div class="cnnviz-note">{escape(note)}</div></div>'


def _note(weights: Weights, found: FeatureMaps, beside: bool) -> str:
    """A picture's caption: its scale; next to another network, its title and how much of the common scale it uses."""
    text = (
        _("values up to ±{limit:.3g}", limit=found.limit)
        if beside
        else _("scale ±{limit:.3g}", limit=found.limit)
    )
    if found.zeros > 0:
        text += " · " + _("{zeros:.0%} zeros", zeros=found.zeros)
    shape = found.op.output_shape
    if len(shape) == 3 and shape[0] > cached.MOST_MAPS_IN_A_PICTURE:
        text += " · " + _("the {count} strongest maps", count=cached.MOST_MAPS_IN_A_PICTURE)
    return f"{weights.title}: {text}" if beside else text
