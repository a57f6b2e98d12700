"""The figures of experiments: what the trainings gave, side by side.

Colours come from the theme (Paul Tol's "muted", see :mod:`cnnviz.plots.palette`); marks, dashes and hatching
tell the same apart without them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.plots.training import ACCURACY_AXIS, SYMBOLS, lay_out, legend_below

Numbers = NDArray[Any]

Series = Mapping[str, Sequence[float | None]]
"""A number for each place, by the name of the series; None where there is none (yet)."""

HEIGHT = 380
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_HATCHES = ("", "/", ".", "x", "\\", "+")
_MOST_DECADES = 6  # of an axis of gradients: what is smaller is nothing
_FEW_DECADES = 100  # from the smallest to the largest: then 2 and 5 are named, too
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Measure:
    """How a number of an outcome is shown: its axis, and its format in plotly's language."""

    title: Message
    form: str
    axis: Mapping[str, Any]


_ACCURACY = {**ACCURACY_AXIS, "rangemode": "tozero"}
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "test_accuracy": Measure(Message("test accuracy"), ".1%", _ACCURACY),
        "train_accuracy": Measure(Message("training accuracy"), ".1%", _ACCURACY),
        "accuracy": Measure(Message("accuracy"), ".1%", _ACCURACY),  # of training and test images together
        "loss": Measure(Message("training loss"), ".3f", {"rangemode": "tozero"}),
        "test_loss": Measure(Message("test loss"), ".3f", {"rangemode": "tozero"}),
        "milliseconds": Measure(Message("ms per training image"), ".3f", {"rangemode": "tozero"}),
        "total_macs": Measure(Message("multiply-adds per image"), ",.0f", {"rangemode": "tozero"}),
        "parameters": Measure(Message("parameters"), ",.0f", {"rangemode": "tozero"}),
        "first_norms": Measure(Message("gradient norm"), ".2g", {"type": "log", "tickformat": "~g"}),
        "later_norms": Measure(Message("gradient norm"), ".2g", {"type": "log", "tickformat": "~g"}),
    }
)


def bars(title: str, places: Sequence[str], series: Series, measure: str, revision: str) -> go.Figure:
    """Bars with their numbers: for each of the ``places`` one a series."""
    shown = MEASURES[measure]
    figure = go.Figure()
    for number, (name, values) in enumerate(series.items()):
        figure.add_bar(
            x=list(places),
            y=list(values),
            name=name,
            texttemplate=f"%{{y:{shown.form}}}",
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{y:{shown.form}}}",
            marker={"pattern": {"shape": _HATCHES[number % len(_HATCHES)], "fillmode": "overlay"}},
        )
    _lay_out(figure, title, revision, legend=len(series) > 1)
    figure.update_layout(barmode="group", hovermode="closest")
    figure.update_yaxes(title=str(shown.title), **shown.axis)
    figure.update_xaxes(type="category")
    return figure


def prediction(
    title: str,
    places: Sequence[str],
    reached: Sequence[float],
    *,
    place: int,
    predicted: float,
    revision: str,
) -> go.Figure:
    """The accuracies (0..1) that two networks reached, and at one ``place`` the one that was ``predicted`` for it."""
    figure = bars(title, places, {_("outcome"): reached}, "test_accuracy", revision)
    return marked(figure, places[place], predicted)


def marked(figure: go.Figure, x: str | float, predicted: float) -> go.Figure:
    """A copy of a ``figure`` of accuracies with the one (0..1) that was ``predicted`` at ``x``."""
    copy = go.Figure(figure)
    copy.add_scatter(
        x=[x],
        y=[predicted],
        name=_("your prediction"),
        mode="markers",
        marker={"symbol": "diamond-wide-open", "size": 20, "line": {"width": 4}},
        cliponaxis=False,
        hovertemplate="%{y:.1%}",
    )
    legend_below(copy, HEIGHT)
    return copy


def stack(title: str, places: Sequence[str], parts: Series, revision: str) -> go.Figure:
    """Multiply-adds of each of the ``places``, stacked by their ``parts``; the sum stands above."""
    figure = go.Figure()
    for number, (name, values) in enumerate(parts.items()):
        figure.add_bar(
            x=list(places),
            y=list(values),
            name=name,
            hovertemplate="%{y:,.0f}",
            marker={"pattern": {"shape": _HATCHES[number % len(_HATCHES)], "fillmode": "overlay"}},
        )
    sums = [sum(values[place] or 0.0 for values in parts.values()) for place in range(len(places))]
    figure.add_scatter(
        x=list(places),
        y=sums,
        mode="text",
        text=[f"{number:,.0f}" if number else "" for number in sums],
        textposition="top center",
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    _lay_out(figure, title, revision, legend=True)
    figure.update_layout(barmode="stack", hovermode="closest")
    figure.update_yaxes(title=str(MEASURES["total_macs"].title), rangemode="tozero")
    figure.update_xaxes(type="category")
    return figure


def curves(
    title: str, lines: Mapping[str, tuple[Numbers, Numbers]], measure: str, revision: str
) -> go.Figure:
    """A line for each name: its epochs (n,) and its values (n,)."""
    shown = MEASURES[measure]
    figure = go.Figure()
    for number, (name, (x, y)) in enumerate(lines.items()):
        _add_line(figure, number, name, x, y, shown.form, size=7, marked=measure != "loss")
    _lay_out(figure, title, revision, legend=True)
    figure.update_xaxes(title=_("epochs"), rangemode="tozero")
    figure.update_yaxes(title=str(shown.title), **shown.axis)
    return figure


def sweep(
    title: str,
    x: Sequence[float],
    x_title: str,
    series: Series,
    measure: str,
    revision: str,
    *,
    log_x: bool = False,
    refused: Sequence[float] = (),
) -> go.Figure:
    """A line for each series over the numbers ``x``, which may be on a logarithmic axis.

    Those of the numbers that the lab has ``refused`` are marked.
    """
    shown = MEASURES[measure]
    figure = go.Figure()
    for number, (name, values) in enumerate(series.items()):
        _add_line(figure, number, name, list(x), list(values), shown.form, size=9)
        figure.data[-1].update(connectgaps=True, cliponaxis=False)
    if refused:
        _mark_refused(figure, refused)
    _lay_out(figure, title, revision, legend=True)
    figure.update_xaxes(title=x_title, tickvals=list(x), ticktext=[f"{number:,g}" for number in x])
    if log_x:
        figure.update_xaxes(type="log")
    figure.update_yaxes(title=str(shown.title), **shown.axis)
    return figure


def _add_line(
    figure: go.Figure, number: int, name: str, x: Any, y: Any, form: str, *, size: int, marked: bool = True
) -> None:
    """Add the line number ``number`` (from 0), with a dash and, if it is ``marked``, a mark of its own."""
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if marked else "lines",
        line={"width": 2.5, "dash": _DASHES[number % len(_DASHES)]},
        marker={"size": size, "symbol": SYMBOLS[number % len(SYMBOLS)]},
        hovertemplate=f"%{{y:{form}}}",
    )


def _mark_refused(figure: go.Figure, x: Sequence[float]) -> None:
    figure.add_scatter(
        x=list(x),
        y=[0.0] * len(x),
        mode="markers+text",
        text=[_("not possible")] * len(x),
        textposition="top center",
        marker={"size": 11, "symbol": "x-thin-open"},
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )


def layers(title: str, norms: Mapping[str, Sequence[float]], revision: str) -> go.Figure:
    """The gradient norm of each layer from input to output, a line for each network of any depth.

    ``norms`` holds one number a layer, in order; the horizontal axis goes from 0, the input, to 1.
    """
    figure = go.Figure()
    for number, (name, values) in enumerate(norms.items()):
        places = np.linspace(0, 1, len(values)) if len(values) > 1 else np.zeros(len(values))
        y = np.maximum(values, _SMALLEST)
        _add_line(figure, number, name, places, y, ".2g", size=8, marked=len(values) <= 12)
    _lay_out(figure, title, revision, legend=True)
    figure.update_xaxes(
        title=_("layer, from input to output"),
        tickvals=[0, 0.5, 1],
        ticktext=[_("first"), _("middle"), _("last")],
    )
    figure.update_yaxes(title=_("gradient norm"), type="log", exponentformat="power")
    largest = max((max(values) for values in norms.values() if len(values)), default=0.0)
    smallest = min((min(values) for values in norms.values() if len(values)), default=0.0)
    if smallest * _FEW_DECADES < largest:
        figure.update_yaxes(dtick=1)
    else:  # in full: plotly would write 0.05, 0.1, 0.2 as 5, 10^-1, 2
        figure.update_yaxes(dtick="D2", tickformat="~g")
    if largest > 0 and smallest < largest * 10.0**-_MOST_DECADES:
        top = math.log10(largest)
        figure.update_yaxes(range=[top - _MOST_DECADES, top + 0.3])
    return figure


def digits(natural: NDArray[np.uint8], permuted: NDArray[np.uint8]) -> go.Figure:
    """Images (N, H, W) as they are, and below each the same with its pixels in disorder."""
    count, height, width = natural.shape
    gap = 2
    rows = [_row(natural, gap), _row(permuted, gap)]
    space = np.full((2 * gap, rows[0].shape[1]), np.nan)
    figure = go.Figure(
        go.Heatmap(
            z=np.vstack([rows[0], space, rows[1]]),
            colorscale=palette.scale(palette.INK),
            zmin=0,
            zmax=255,
            showscale=False,
            hoverinfo="skip",
        )
    )
    middles = [height / 2, height + 2 * gap + height / 2]
    figure.update_layout(
        title={"text": _("The same digits, pixels in order and shuffled"), "font": {"weight": "bold"}},
        height=230,
        margin={"l": 10, "r": 10, "t": 50, "b": 10},
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    figure.update_yaxes(
        autorange="reversed",
        tickvals=middles,
        ticktext=[_("in order"), _("shuffled")],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
        showgrid=False,
        zeroline=False,
    )
    places = [index * (width + gap) + width / 2 for index in range(count)]
    figure.update_xaxes(
        title=_("digit"), tickvals=places, ticktext=[str(index) for index in range(count)],
        showgrid=False, zeroline=False, constrain="domain",
    )  # fmt: skip
    return figure


def _row(images: NDArray[np.uint8], gap: int) -> NDArray[np.float64]:
    """Images (N, H, W) side by side, nothing in the gaps: (H, ...)."""
    padded = np.pad(images.astype(float), ((0, 0), (0, 0), (0, gap)), constant_values=np.nan)
    return np.concatenate(list(padded), axis=1)


def _lay_out(figure: go.Figure, title: str, revision: str, *, legend: bool) -> None:
    """As all figures about training, but with the legend below: it may have many entries."""
    lay_out(figure, title, revision)
    if legend:
        legend_below(figure, HEIGHT)
    else:
        figure.update_layout(height=HEIGHT, margin={"t": 60}, showlegend=False)
