"""How the weights of a layer are distributed, and how strong its filters are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from cnnviz.language import translate as _

_HEIGHT = 300
_COLOURS = (("#332288", "#9d8df1"), ("#b89b3c", "#ddcc77"))  # of the first and the second network


def histogram_figure(
    counts: Sequence[NDArray[np.int64]],
    edges: NDArray[np.float64],
    names: Sequence[str],
    title: str,
    dark: bool = False,
) -> go.Figure:
    """How many weights have which value, of one network or of two over each other.

    ``counts`` hold a number for each bin, (bins,); ``edges`` (bins + 1,) are the same for all.
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

    ``linear`` says that it is a Linear, which has outputs and no filters.
    """
    one = (
        _("Output {number}", number="%{customdata}")
        if linear
        else _("Filter {filter}", filter="%{customdata}")
    )
    rows = 1 if bias is None else 2
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    values = [(norms, _("norm"))] + ([] if bias is None else [(bias, _("bias"))])
    for row, (bars, name) in enumerate(values, 1):
        figure.add_bar(
            x=np.arange(len(order)),
            y=bars[order],
            customdata=order,
            marker={"color": _COLOURS[row - 1][dark], "line": {"width": 0}},
            hovertemplate=one + ": <b>%{y:.4f}</b><extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(title=name, row=row, col=1)
    labels = [str(number) for number in order.tolist()] if len(order) <= 40 else None
    figure.update_xaxes(tickvals=list(range(len(order))) if labels else None, ticktext=labels)
    title_below = _("output") if linear else _("filter (output channel)")
    figure.update_xaxes(title=title_below, row=rows, col=1)
    return figure.update_layout(
        title=title,
        height=_HEIGHT * (2 if rows == 2 else 1) * 2 // 3 + 60,
        showlegend=False,
        bargap=0.15,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
    )
