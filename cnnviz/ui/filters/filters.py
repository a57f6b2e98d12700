"""The filters of a layer as pictures, their norms, and the distribution of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import maps as plots
from cnnviz.plots import weights as weights_plots
from cnnviz.ui.inside.weights import Order, Weights, choose_layer, choose_order, choose_page
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import fragment, is_dark
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.words import caption, columns

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cnnviz.interpret.filters import Distribution, LayerWeights

FIGURE_WIDTH = 600
"""Pixels, at most; on a phone a figure takes the whole width."""

PAGE = 64
"""Slices of a filter, or filters, per page: more could not be told apart."""

_MOST_AT_ONCE = 96
_DETAIL_WIDTH = 760  # pixels
_BARS = 31  # of a layer's small histogram
_DETAILS: Mapping[str, Message] = {
    "norm": Message("Norm and bias"),
    "histogram": Message("Histogram"),
    "layers": Message("All layers"),
}


@fragment()
def show(shown: Sequence[Weights]) -> None:
    """A layer's filters of each of ``shown``, side by side, and figures about them."""
    with explained():
        layers = [weights.layers for weights in shown]
        with st.container(horizontal=True, vertical_alignment="bottom", key="filter-choices"):
            place = _chosen_layer(shown[0], layers[0])
            chosen = [found[place] for found in layers]
            by = choose_order("order", "page")
            pictures = _choose_pictures(shown, chosen, by)
        pictures(shown, chosen)
        _details(shown, chosen, by)


def _chosen_layer(weights: Weights, layers: Sequence[LayerWeights]) -> int:
    """The index of the layer that the link's ``layer`` names."""
    shapes = {layer.name: layer.shape for layer in layers}
    name = choose_layer(weights, shapes, width=300)
    return list(shapes).index(name)


Draw = Callable[[Sequence[Weights], Sequence["LayerWeights"]], None]


def _choose_pictures(shown: Sequence[Weights], chosen: Sequence[LayerWeights], by: str) -> Draw:
    """What to draw: all filters if each is one picture, else the slices of one filter."""
    layer = chosen[0]
    out, channels, _height, _width = layer.shape
    if channels == 1 and out > 1:
        return partial(
            _all_filters, order=choose_page(_order(shown[0], layer, by), _MOST_AT_ONCE, "page"), colour=False
        )
    if channels == 3 and layer.op.inputs == (-1,):
        with st.container(width=200):
            picture = choose_one(
                _("Picture"),
                ("colour", "slices"),
                key="picture",
                kind=Message("picture"),
                forget=("page",),
                title=lambda key: {"colour": _("in colour"), "slices": _("red, green, blue separately")}[key],
            )
        count = _MOST_AT_ONCE if picture == "colour" else _MOST_AT_ONCE // 3
        order = choose_page(_order(shown[0], layer, by), count, "page")
        return partial(_all_filters, order=order, colour=picture == "colour")
    with st.container(width=150):
        output = choose_number(
            _("Output channel"), key="output", low=0, high=out - 1, default=0, help=_("The filter's number.")
        )
    return partial(
        _one_filter, output=output, order=choose_page(_slice_order(layer, output, by), PAGE, "page")
    )


def _order(weights: Weights, layer: LayerWeights, by: str) -> Order:
    return cached.filter_order(weights.key, weights.input_shape, layer.name, by)[0]


def _slice_order(layer: LayerWeights, output: int, by: str) -> Order:
    from cnnviz.interpret.filters import order

    return order(layer.values[output], by)


def _all_filters(
    shown: Sequence[Weights], chosen: Sequence[LayerWeights], order: Order, colour: bool
) -> None:
    limit = max(layer.limit for layer in chosen)

    def figure(weights: Weights, layer: LayerWeights) -> go.Figure:
        title = _title(weights, layer, len(order))
        values = layer.values[order]
        if colour:
            return plots.colour_figure(layer.name, values, title, numbers=order, limit=limit)
        return plots.filter_figure(layer.name, values, title, numbers=order, limit=limit, dark=is_dark())

    first = chosen[0]
    if colour:
        sentence = plots.colours_sentence(shown[0].trained)
    elif first.op.kind == "linear":
        sentence = plots.rows_sentence(shown[0].trained)
    else:
        others = chosen[1].limit if len(chosen) > 1 else None
        sentence = plots.filters_sentence(first.limit, shown[0].trained, others)
    _side_by_side(shown, chosen, figure, sentence)


def _one_filter(shown: Sequence[Weights], chosen: Sequence[LayerWeights], output: int, order: Order) -> None:
    first = chosen[0]
    limit = max(float(np.abs(layer.values[output]).max()) for layer in chosen)
    _out, channels, height, width = first.shape

    def figure(weights: Weights, layer: LayerWeights) -> go.Figure:
        title = _(
            "{title}: filter {filter} of {layer}, {count} of {channels} slices",
            title=weights.title,
            filter=output,
            layer=layer.name,
            count=len(order),
            channels=channels,
        )
        slices = layer.values[output, order]
        return plots.slices_figure(
            layer.name, output, slices, title, numbers=order, limit=limit, dark=is_dark()
        )

    reads_maps = first.op.kind == "linear" and height * width > 1
    _side_by_side(shown, chosen, figure, plots.slices_sentence((height, width), reads_maps), output)


def _side_by_side(
    shown: Sequence[Weights],
    chosen: Sequence[LayerWeights],
    figure: Callable[[Weights, LayerWeights], go.Figure],
    sentence: Message,
    output: int | None = None,
) -> None:
    alone = len(shown) == 1
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        for place, (weights, layer) in enumerate(zip(shown, chosen, strict=True)):
            with st.container(width=FIGURE_WIDTH if alone else FIGURE_WIDTH * 9 // 10):
                chart(figure(weights, layer), key=f"filters-{place}")
                caption(plain(_in_numbers(layer, output)))
        if alone:
            with st.container(width=320):
                st.write(str(sentence))
    if not alone:
        st.write(str(sentence))


def _title(weights: Weights, layer: LayerWeights, count: int) -> str:
    out, *picture = layer.shape
    values = {
        "title": weights.title, "count": count, "out": out, "shape": shape_text(tuple(picture)), "layer": layer.name,
    }  # fmt: skip
    if count < out:
        return _("{title}: {count} of {out} filters of {shape} in {layer}", **values)
    return _("{title}: {count} filters of {shape} in {layer}", **values)


def _in_numbers(layer: LayerWeights, output: int | None) -> str:
    """Mean and deviation of the layer's weights; of one filter also its bias."""
    if output is None:
        return _(
            "Mean {mean:.3f}, standard deviation {deviation:.3f}",
            mean=float(layer.values.mean()),
            deviation=float(layer.values.std()),
        )
    weights = layer.values[output]
    text = _(
        "Mean {mean:.3f}, standard deviation {deviation:.3f}",
        mean=float(weights.mean()),
        deviation=float(weights.std()),
    )
    return text if layer.bias is None else text + ", " + _("bias {bias:.3f}", bias=float(layer.bias[output]))


def _details(shown: Sequence[Weights], chosen: Sequence[LayerWeights], by: str) -> None:
    view = choose_segment(
        _("Figures"), _DETAILS, key="figures", kind=Message("figure"), label_visibility="collapsed"
    )
    if view == "norm":
        _norms(shown, chosen, by)
    elif view == "histogram":
        _histogram(shown, chosen[0].name)
    else:
        _table(shown)


def _norms(shown: Sequence[Weights], chosen: Sequence[LayerWeights], by: str) -> None:
    """The norm and the bias of every filter of the chosen layer, in the order of the pictures."""
    weights, layer = shown[0], chosen[0]
    order, lengths = cached.filter_order(weights.key, weights.input_shape, layer.name, by)
    linear = layer.op.kind == "linear"
    title = _("{title}: {layer}, norm and bias per filter", title=weights.title, layer=layer.name)
    if linear:
        title = _("{title}: {layer}, norm and bias per output", title=weights.title, layer=layer.name)
    figure = weights_plots.norms_figure(lengths, layer.bias, order, title, is_dark(), linear)
    chart(figure, key="norms", width=_DETAIL_WIDTH)
    caption(str(plots.norms_sentence(linear, layer.bias is not None)))


def _histogram(shown: Sequence[Weights], layer: str) -> None:
    """How the weights of the chosen layer are distributed, in each of ``shown``."""
    from cnnviz.interpret.filters import distribution

    found = []
    arrays = [next(each.values for each in weights.layers if each.name == layer) for weights in shown]
    own = [dict(cached.distributions(weights.key, weights.input_shape))[layer] for weights in shown]
    limit = max(max(-each.low, each.high) for each in own)
    found = own if len(shown) == 1 else [distribution(values, limit) for values in arrays]
    figure = weights_plots.histogram_figure(
        [each.counts for each in found],
        found[0].edges,
        [weights.title for weights in shown],
        _("{title}: weights of {layer}", title=shown[0].title, layer=layer),
        is_dark(),
    )
    chart(figure, key="histogram", width=_DETAIL_WIDTH)
    caption(plain(_histogram_note(own[0], shown[0].trained)))


def _histogram_note(found: Distribution, trained: bool) -> str:
    text = _(
        "{size:,} weights from {low:.3f} to {high:.3f}.", size=found.size, low=found.low, high=found.high
    )
    if not trained:
        text += " " + _("They still have their random initial values.")
    if found.every > 1:
        text += " " + _("One in {every} is counted.", every=found.every)
    return text


def _table(shown: Sequence[Weights]) -> None:
    """All layers with weights, each with a small histogram."""
    weights = shown[0]
    layers = weights.layers
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
        alt=_(
            "The weights of {count:,} layers: how many, from where to where, standard deviation and mean.",
            count=len(layers),
        ),
        column_config={
            **columns(rows),
            _("Histogram"): st.column_config.BarChartColumn(width="medium", y_min=0),
            **{name: st.column_config.NumberColumn(format="%.4f", width="small") for name in numbers},
        },
    )
    caption(
        _(
            "Each histogram is centred on zero and scaled to the largest absolute weight of its layer, "
            "so the widths of the histograms cannot be compared, but the standard deviations can."
        )
    )


def _coarse(found: Distribution) -> list[float]:
    """The histogram with half as many bars, each a share of all."""
    padded = np.append(found.counts, 0).reshape(_BARS, -1).sum(axis=1)
    return [float(value) for value in padded / max(1, padded.sum())]
