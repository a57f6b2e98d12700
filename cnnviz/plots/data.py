"""What a data set holds: images of each class, and which values the pixels have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import Message
from cnnviz.language import translate as _

_HEIGHT = 300
_ROW = 40  # pixels a class
_FAINT = "rgba(128, 132, 150, 0.9)"  # seen on white and on black


@dataclass(frozen=True)
class Channel:
    """How one channel of an image is called, drawn and dashed."""

    title: Message
    light: str | None
    dark: str | None
    dash: str

    def colour(self, dark: bool) -> str | None:
        """The colour in the dark or in the light theme; None leaves it to the theme."""
        return self.dark if dark else self.light


GREY = (Channel(Message("grey"), None, None, "solid"),)
RGB = (
    Channel(Message("red"), "#cc3311", "#ff8866", "solid"),
    Channel(Message("green"), "#117733", "#5cc48d", "dash"),
    Channel(Message("blue"), "#0077bb", "#66bbee", "dot"),
)


def channels(count: int) -> tuple[Channel, ...]:
    """The channels of grey images (1) or of colour images (3)."""
    return GREY if count == 1 else RGB


def counts_figure(classes: Sequence[str], train: Sequence[int], test: Sequence[int]) -> go.Figure:
    """The images of each class, for training and for testing, as horizontal bars; the first class on top."""
    figure = go.Figure()
    for name, counts, pattern in ((_("training images"), train, ""), (_("test images"), test, "/")):
        figure.add_bar(
            y=list(classes),
            x=list(counts),
            name=name,
            orientation="h",
            marker={"pattern": {"shape": pattern, "solidity": 0.35}},
            hovertemplate="%{y}: <b>%{x:,}</b>",
        )
    _lay_out(figure, _("Images per class"), _ROW * len(classes) + 110)
    figure.update_layout(legend={"traceorder": "normal"}, bargap=0.25)
    figure.update_xaxes(title=_("images"), tickformat=",")
    figure.update_yaxes(title=_("class"), autorange="reversed", type="category")
    return figure


@dataclass(frozen=True)
class Axis:
    """Where values stand: the value ``v`` of the channel ``c`` at ``left[c] + v * step[c]``."""

    title: str
    left: Sequence[float]
    step: Sequence[float]


def values_figure(counts: NDArray[np.int64], axis: Axis, title: str, dark: bool) -> go.Figure:
    """How often each value occurs, as one line a channel, and where its mean is; ``counts`` is (C, V).

    They are drawn by their logarithm: most pixels of many images are black.
    """
    figure = go.Figure()
    part = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for number, channel in enumerate(channels(len(counts))):
        there = np.flatnonzero(counts[number])
        figure.add_scatter(
            x=axis.left[number] + there * axis.step[number],
            y=part[number, there],
            name=str(channel.title),
            mode="lines" if len(there) > 1 else "markers",
            line={"width": 1.5, "dash": channel.dash, "color": channel.colour(dark)},
            hovertemplate="%{x:.3g}: %{y:.2%}",
        )
        mean = part[number] @ np.arange(counts.shape[1])
        _mark(figure, axis.left[number] + mean * axis.step[number], channel.colour(dark))
    _lay_out(figure, title, _HEIGHT)
    figure.update_layout(showlegend=len(counts) > 1)
    figure.update_xaxes(title=axis.title)
    figure.update_yaxes(title=_("share of all pixels"), type="log", tickformat=".2~%", dtick=1)
    return figure


def _mark(figure: go.Figure, x: float, colour: str | None) -> None:
    """A dotted line from top to bottom."""
    line = {"dash": "dot", "width": 1.5, "color": colour or _FAINT}
    figure.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", line=line)


def _lay_out(figure: go.Figure, title: str, height: int) -> None:
    figure.update_layout(
        title={"text": title, "font": {"weight": "bold"}},
        height=height,
        margin={"l": 10, "r": 10, "t": 70, "b": 10},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        dragmode=False,
    )
