"""The weights of a layer: their distribution, the norms of its filters, and how they developed in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from cnnviz.language import translate as _
from cnnviz.plots.mosaic import GAP, layout

_HEIGHT = 300
_COLOURS = (("#332288", "#9d8df1"), ("#b89b3c", "#ddcc77"))  # of the first and the second network


def histogram_figure(
    counts: Sequence[NDArray[np.int64]],
    edges: NDArray[np.float64],
    names: Sequence[str],
    title: str,
    dark: bool = False,
) -> go.Figure:
    """The histogram of the weights of one network, or of two overlaid.

    ``counts`` has one number per bin, (bins,), for each network; ``edges`` (bins + 1,) are the same for all.
    """
    middles = (edges[1:] + edges[:-1]) / 2
    figure = go.Figure()
    for values, name, colours in zip(counts, names, _COLOURS, strict=False):
        figure.add_bar(
            x=middles,
            y=values / max(1, values.sum()),
            name=name,
            marker={"color": colours[dark], "line": {"width": 0}},
            opacity=1.0 if len(counts) == 1 else 0.65,
            hovertemplate="%{x:.3f}: <b>%{y:.1%}</b><extra></extra>",
        )
    figure.update_xaxes(title=_("weight"), zeroline=True)
    figure.update_yaxes(title=_("share of the weights"), tickformat=".0%")
    return figure.update_layout(
        title=title,
        height=_HEIGHT,
        barmode="overlay",
        bargap=0,
        showlegend=len(counts) > 1,
        legend={"orientation": "h", "y": -0.3},
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
    )


def norms_figure(
    norms: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    order: NDArray[np.intp],
    title: str,
    dark: bool = False,
    linear: bool = False,
) -> go.Figure:
    """The norm of each filter, and its bias below, from left to right in ``order`` (out,).

    ``linear`` says that the layer is a Linear, which has outputs instead of filters.
    """
    one = (
        _("Output {number}", number="%{customdata}")
        if linear
        else _("Filter {filter}", filter="%{customdata}")
    )
    name_of_one = _("output") if linear else _("filter (output channel)")
    rows = 1 if bias is None else 2
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    values = [(norms, _("norm"))] + ([] if bias is None else [(bias, _("bias"))])
    for row, (bars, name) in enumerate(values, 1):
        figure.add_bar(
            x=np.arange(len(order)),
            y=bars[order],
            customdata=order,
            meta=[name_of_one],
            marker={"color": _COLOURS[row - 1][dark], "line": {"width": 0}},
            hovertemplate=one + ": <b>%{y:.4f}</b><extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(title=name, row=row, col=1)
    labels = [str(number) for number in order.tolist()] if len(order) <= 40 else None
    figure.update_xaxes(tickvals=list(range(len(order))) if labels else None, ticktext=labels)
    figure.update_xaxes(title=name_of_one, row=rows, col=1)
    return figure.update_layout(
        title=title,
        height=_HEIGHT * (2 if rows == 2 else 1) * 2 // 3 + 60,
        showlegend=False,
        bargap=0.15,
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
    )


_HISTORY_HEIGHT = 340
_NAMED = 10
_GREY = 127.5


def predictions_figure(
    steps: Sequence[int],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    title: str,
    label: int | None = None,
) -> go.Figure:
    """The probability of each class (S, classes) after each of the S ``steps``; the true ``label`` is drawn thick.

    Of more than ten classes, the ten with the highest peaks are drawn. The steps are evenly spaced, whatever lies
    between them.
    """
    order = np.argsort(-probabilities.max(axis=0), kind="stable")[:_NAMED]
    figure = go.Figure()
    for place in sorted(order.tolist()):
        figure.add_scatter(
            x=[f"{step:,}" for step in steps],
            y=probabilities[:, place],
            mode="lines+markers",
            name=classes[place],
            line={"width": 4 if place == label else 1.5, "dash": "solid" if place == label else "dot"},
            hovertemplate=f"{classes[place]}: <b>%{{y:.1%}}</b><extra></extra>",
        )
    figure.update_xaxes(title=_("training step"), type="category")
    figure.update_yaxes(title=_("probability"), range=[-0.02, 1.02], tickformat=".0%")
    return figure.update_layout(
        title=title,
        height=_HISTORY_HEIGHT,
        hovermode="x unified",
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"orientation": "h", "y": -0.25},
    )


def colour_mosaic(filters: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """Filters (N, 3, h, w) on red, green and blue as one picture, (3, H, W); grey is zero."""
    count, _channels, height, width = filters.shape
    where = layout(count, height, width, (1, 1))
    shades = np.clip(_GREY + _GREY * filters / (limit or 1.0), 0, 255).astype(np.uint8)
    flat = shades.transpose(1, 0, 2, 3).reshape(3, -1)
    return np.where(where == GAP, np.uint8(_GREY), flat[:, np.maximum(where, 0)])
