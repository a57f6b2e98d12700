"""Choices of the Filters page: weights, a training step, and the order and page of the channels shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.interpret.networks import Moment, moments, told_apart
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.inside.weights import Weights, choose_weights, of_moment
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_switch

Order = NDArray[np.intp]
"""Channels, in the order in which they are shown."""

ORDERS: Mapping[str, Message] = {
    "channel": Message("network order"),
    "norm": Message("strongest first"),
    "similarity": Message("by similarity"),
}

END = "end"
"""Stands in the link for the checkpoint's weights."""


def choose_shown(compares: bool) -> list[Weights]:
    """The weights to show: one set, or trained weights and those that training started from.

    ``compares`` says whether the view shows two side by side.
    """
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=320):
            weights = choose_weights(notes)
        weights = _choose_step(weights)
        start = weights.start if compares else None
        beside = start and choose_switch(_("Compare with untrained weights"), key="untrained")
    return [weights, start] if start and beside else [weights]


def choose_order(key: str, page: str, *, default: str = "channel", width: int = 200) -> str:
    """The order of the channels, the link's ``key``; changing it drops the parameter ``page``."""
    with st.container(width=width):
        return choose_one(
            _("Order"),
            ORDERS,
            key=key,
            kind=Message("order"),
            default=default,
            forget=(page,),
        )


def choose_page(order: Order, size: int, key: str) -> Order:
    """One page of ``order``; the link's ``key`` holds the page number if there are several."""
    pages = -(-len(order) // size)
    if pages == 1:
        return order
    with st.container(width=150):
        page = choose_number(_("Page (of {pages})", pages=pages), key=key, low=1, high=pages, default=1)
    return order[(page - 1) * size : page * size]


def moments_of(weights: Weights) -> tuple[Moment, ...]:
    """The snapshots of the training behind ``weights``; none if there are fewer than two.

    Of two that are nearly the same one is left out, unless the link's ``step`` names it.
    """
    found = moments(weights.run_id) if weights.run_id and weights.recipe else ()
    apart, named = told_apart(found), st.query_params.get("step")
    found = tuple(moment for moment in found if moment in apart or str(moment.step) == named)
    return found if len(found) > 1 else ()


def _choose_step(weights: Weights) -> Weights:
    """``weights``, or an earlier snapshot of the same training if the link's ``step`` says so."""
    found = moments_of(weights)
    if not found or weights.recipe is None:
        return weights
    by_step = {str(moment.step): moment for moment in found}
    options = [*by_step] if weights.checkpoint is None else [*by_step, END]
    with st.container(width=420):
        chosen = choose_one(
            _("Training step"),
            options,
            key="step",
            kind=Message("training step"),
            title=lambda key: _title(key, by_step.get(key)),
            default=options[-1],
            widget=partial(
                st.select_slider,
                help=_(
                    "Weights are saved at steps 0, 1, 2, 4, 8, ... and after every epoch, so you can "
                    "see how they develop."
                ),
            ),
        )
    if chosen == END:
        return weights
    name = weights.title.partition(",")[0] if weights.checkpoint is None else weights.title
    return of_moment(name, by_step[chosen], weights.recipe)


def _title(key: str, moment: Moment | None) -> str:
    if moment is None:
        return _("trained")
    if moment.step == 0:
        return _("start")
    return _("{step:,} (epoch {epoch})", step=moment.step, epoch=moment.epoch)
