"""Figures about the weights of layers: norms, biases, histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import sentences
from cnnviz.plots import weights as plots
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.interpret.filters import Distribution, LayerWeights

_WIDTH = 760
_BARS = 31


def norms(shown: Sequence[Weights], chosen: Sequence[LayerWeights], by: str) -> None:
    """The norm and the bias of every filter of the chosen layer, in the order of the pictures."""
    weights, layer = shown[0], chosen[0]
    order, lengths = cached.filter_order(weights.key, weights.input_shape, layer.name, by)
    linear = layer.op.kind == "linear"
    title = _("{title}: {layer}, norm and bias of each filter", title=weights.title, layer=layer.name)
    if linear:
        title = _("{title}: {layer}, norm and bias of each output", title=weights.title, layer=layer.name)
    figure = plots.norms_figure(lengths, layer.bias, order, title, is_dark(), linear)
    st.plotly_chart(figure, key="norms", config={"displayModeBar": False}, width=_WIDTH)
    st.caption(str(sentences.norms_sentence(linear, layer.bias is not None)))


def histogram(shown: Sequence[Weights], layer: str) -> None:
    """How the weights of the chosen layer are distributed, in each of ``shown``."""
    from cnnviz.interpret.filters import distribution

    found = []
    arrays = [
        next(each.values for each in cached.layers(weights.key, weights.input_shape) if each.name == layer)
        for weights in shown
    ]
    own = [dict(cached.distributions(weights.key, weights.input_shape))[layer] for weights in shown]
    limit = max(max(-each.low, each.high) for each in own)
    found = own if len(shown) == 1 else [distribution(values, limit) for values in arrays]
    figure = plots.histogram_figure(
        [each.counts for each in found],
        found[0].edges,
        [weights.title for weights in shown],
        _("{title}: weights of {layer}", title=shown[0].title, layer=layer),
        is_dark(),
    )
    st.plotly_chart(figure, key="histogram", config={"displayModeBar": False}, width=_WIDTH)
    st.caption(plain(_histogram_note(own[0], shown[0].trained)))


def _histogram_note(found: Distribution, trained: bool) -> str:
    text = _(
        "{size:,} weights from {low:.3f} to {high:.3f}.", size=found.size, low=found.low, high=found.high
    )
    if not trained:
        text += " " + _("They are as they were drawn at random.")
    if found.every > 1:
        text += " " + _("One of every {every} is counted.", every=found.every)
    return text


def table(shown: Sequence[Weights]) -> None:
    """All layers with weights, each with a small histogram."""
    weights = shown[0]
    layers = cached.layers(weights.key, weights.input_shape)
    found = dict(cached.distributions(weights.key, weights.input_shape))
    rows = {
        _("Layer"): [layer.name for layer in layers],
        _("Weights"): [shape_text(layer.shape) for layer in layers],
        _("Histogram"): [_coarse(found[layer.name]) for layer in layers],
        _("From"): [found[layer.name].low for layer in layers],
        _("To"): [found[layer.name].high for layer in layers],
        _("Standard deviation"): [found[layer.name].deviation for layer in layers],
        _("Mean"): [found[layer.name].mean for layer in layers],
    }
    numbers = [_("From"), _("To"), _("Standard deviation"), _("Mean")]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            _("Histogram"): st.column_config.BarChartColumn(width="medium", y_min=0),
            **{name: st.column_config.NumberColumn(format="%.4f", width="small") for name in numbers},
        },
    )
    st.caption(
        _(
            "Zero is in the middle of each histogram, which reaches as far to both sides as the layer's largest "
            "weight, positive or negative. So the pictures' widths cannot be compared; the standard deviations can."
        )
    )


def _coarse(found: Distribution) -> list[float]:
    """The histogram with half as many bars, each a share of all."""
    padded = np.append(found.counts, 0).reshape(_BARS, -1).sum(axis=1)
    return [float(value) for value in padded / max(1, padded.sum())]
