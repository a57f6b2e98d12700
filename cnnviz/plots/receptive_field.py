"""The receptive field of a value, drawn over the input."""

from __future__ import annotations

import plotly.graph_objects as go

from cnnviz.language import Message
from cnnviz.language import translate as _

SENTENCE = Message(
    "The blue frame is what the first value sees, the red one what the middle value sees; what reaches over "
    "the grey image lies in the padding."
)
_FIRST, _MIDDLE = "#0077bb", "#cc3311"
Patch = tuple[int, int, int, int]


def over_input(height: int, width: int, first: Patch, middle: Patch, title: str) -> go.Figure:
    """The input of ``height`` x ``width`` pixels, and two patches (top, left, height, width) in pixels."""
    figure = go.Figure()
    _rectangle(figure, (0, 0, height, width), _("input"), "#8d93a3", "solid", "rgba(141,147,163,0.25)")
    _rectangle(figure, first, _("first value"), _FIRST, "solid", "rgba(0,119,187,0.15)")
    _rectangle(figure, middle, _("middle value"), _MIDDLE, "dot", "rgba(204,51,17,0.15)")
    figure.update_layout(
        title=title,
        height=400,
        margin={"l": 8, "r": 8, "t": 84, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": _("column, in pixels"), "constrain": "domain", "zeroline": False},
        yaxis={
            "title": _("row, in pixels"),
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
            "zeroline": False,
        },
    )
    return figure


def _rectangle(figure: go.Figure, patch: Patch, name: str, colour: str, dash: str, fill: str) -> None:
    top, left, height, width = patch
    right, bottom = left + width, top + height
    figure.add_trace(
        go.Scatter(
            x=[left, right, right, left, left],
            y=[top, top, bottom, bottom, top],
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            fill="toself",
            fillcolor=fill,
            name=name,
            hoverinfo="name+x+y",
        )
    )
