"""A slider over the snapshots of a training: the same weights as they were on their way."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnviz.interpret.weight_history import Moment, moments, told_apart
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.inside.weights import Weights, of_moment
from cnnviz.ui.shared.link_state import choose_one

END = "end"
"""In the link: the weights of the checkpoint."""


def moments_of(weights: Weights) -> tuple[Moment, ...]:
    """The snapshots of the training that ``weights`` come from; none where there are not two of them.

    Of two that are nearly the same one is left out, unless the link's ``step`` names it.
    """
    found = moments(weights.run_id) if weights.run_id and weights.recipe else ()
    apart, named = told_apart(found), st.query_params.get("step")
    found = tuple(moment for moment in found if moment in apart or str(moment.step) == named)
    return found if len(found) > 1 else ()


def choose_step(weights: Weights) -> Weights:
    """``weights``, or where the link's ``step`` says so those that the same training had earlier."""
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
            kind=Message("The training step"),
            title=lambda key: _title(key, by_step.get(key)),
            default=options[-1],
            widget=partial(
                st.select_slider,
                help=_(
                    "Weights were kept at steps 0, 1, 2, 4, 8, ... and after every epoch: see how they formed."
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
