"""How a network formed, snapshot by snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import translate as _
from cnnviz.plots.mosaic import GAP, layout

_HEIGHT = 340
_NAMED = 10
_GREY = 127.5


def predictions_figure(
    steps: Sequence[int],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    title: str,
    label: int | None = None,
) -> go.Figure:
    """The probability of each class (S, classes) after each of the S ``steps``; the true ``label`` thick.

    Of more than ten classes those that are ever the likeliest are drawn. The steps stand side by side,
    whatever lies between them.
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
        height=_HEIGHT,
        hovermode="x unified",
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"orientation": "h", "y": -0.25},
    )


def colour_mosaic(filters: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """Filters (N, 3, h, w) that read red, green and blue in one picture, (3, H, W); grey is zero."""
    count, _channels, height, width = filters.shape
    where = layout(count, height, width, (1, 1))
    shades = np.clip(_GREY + _GREY * filters / (limit or 1.0), 0, 255).astype(np.uint8)
    flat = shades.transpose(1, 0, 2, 3).reshape(3, -1)
    return np.where(where == GAP, np.uint8(_GREY), flat[:, np.maximum(where, 0)])
