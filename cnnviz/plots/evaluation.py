"""Figures of an evaluation: the confusion matrix, the accuracy of each class, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.plots.told import Table, Told, in_words

Counts = NDArray[np.int64]
Parts = NDArray[np.float64]

_TOLD_MISTAKES = 3
_STRONGEST_LIGHT, _STRONGEST_DARK = 0.6, 0.3
"""How far from the middle of the colours a cell with a number may be."""
_MARGIN = {"l": 0, "r": 8, "t": 44, "b": 0}


def confusion_figure(
    matrix: Counts, names: Sequence[str], title: str, chosen: tuple[int, int], *, dark: bool = False
) -> go.Figure:
    """The confusion matrix: true classes in rows, predictions in columns; the cell ``chosen`` (row, column) is
    framed.

    ``matrix`` is (classes, classes). Every cell is a point that can be clicked; its ``customdata`` is
    (row, column).
    """
    shown = _shades(matrix, dark)
    places = [(row, column) for row in range(len(names)) for column in range(len(names))]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            colorscale=palette.diverging(dark),
            zmin=-1,
            zmax=1,
            showscale=False,
            hoverinfo="skip",
            xgap=1,
            ygap=1,
        )
    )
    figure.add_trace(_cells(matrix, names, places, _ink(dark)))
    row, column = chosen
    figure.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"width": 3, "color": palette.KINDS["merge"].colour(dark)},
    )
    axis = {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_xaxes(axis, title=_("predicted class"), side="bottom", range=[-0.5, len(names) - 0.5])
    figure.update_yaxes(axis, title=_("true class"), range=[len(names) - 0.5, -0.5])
    return figure.update_layout(
        title=title, height=480, margin=_MARGIN, dragmode=False, showlegend=False, clickmode="event+select"
    )


def confusion_told(matrix: Counts, names: Sequence[str], title: str) -> Told:
    """The confusion matrix in words, and as a table of its counts."""
    right, images = int(matrix.trace()), int(matrix.sum())
    mistakes = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:_TOLD_MISTAKES].tolist()
    told = [
        _(
            "{true} read as {read}: {count:,}",
            true=names[row],
            read=names[column],
            count=int(matrix[row, column]),
        )
        for row, column in (divmod(place, len(names)) for place in order)
        if mistakes[row, column]
    ]
    words = _(
        "{title}. Rows are true classes, columns are predictions. {right:,} of {images:,} images are correct.",
        title=title,
        right=right,
        images=images,
    )
    if told:
        words += " " + _("Most frequent mistakes: {mistakes}.", mistakes="; ".join(told))
    return Told(
        words,
        lambda: {
            _("true class"): list(names),
            **{name: matrix[:, column].tolist() for column, name in enumerate(names)},
        },
    )


def _shades(matrix: Counts, dark: bool) -> Parts:
    """Negative on the diagonal (correct), positive off it (mistakes); square roots make small numbers visible.

    None is so strong that its number could not be read at a contrast of 7:1.
    """
    diagonal = np.eye(len(matrix), dtype=bool)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    mistakes = np.where(diagonal, 0.0, matrix)
    shade: Parts = np.sqrt(mistakes / max(1.0, float(mistakes.max())))
    shade[diagonal] = -(share[diagonal] ** 2)
    return shade * (_STRONGEST_DARK if dark else _STRONGEST_LIGHT)


def _ink(dark: bool) -> str:
    """Black or white, whichever is easier to read on the middle of the colours, and thus on all that are used."""
    colours = palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT
    return palette.text_on(colours[len(colours) // 2])


def _cells(matrix: Counts, names: Sequence[str], places: Sequence[tuple[int, int]], ink: str) -> go.Scatter:
    """The numbers, as points: a heat map's own cells tell the pointer's place, but cannot be chosen."""
    totals = matrix.sum(axis=1)
    texts = [
        _(
            "{true} predicted as {read}: {count:,} of {total:,} images ({part:.1%})",
            true=names[row],
            read=names[column],
            count=int(matrix[row, column]),
            total=int(totals[row]),
            part=matrix[row, column] / max(1, totals[row]),
        )
        for row, column in places
    ]
    unseen = {"marker": {"opacity": 0}}  # and the numbers stay as they are
    return go.Scatter(
        x=[column for _row, column in places],
        y=[row for row, _column in places],
        customdata=places,
        text=[f"{count:,}" if count else "" for count in matrix.reshape(-1).tolist()],
        textfont={"color": ink},
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers+text",
        marker={"symbol": "square", "size": 26, "opacity": 0},
        selected=unseen,
        unselected=unseen,
    )


def classes_figure(
    names: Sequence[str],
    accuracies: Parts,
    intervals: Sequence[tuple[float, float]],
    overall: float,
    title: str,
    *,
    dark: bool = False,
) -> go.Figure:
    """The accuracy (0..1) of each class as a point with its 95 % interval, and that of all as a line."""
    low = [accuracy - interval[0] for accuracy, interval in zip(accuracies, intervals, strict=True)]
    high = [interval[1] - accuracy for accuracy, interval in zip(accuracies, intervals, strict=True)]
    texts = [
        _(
            "{name}: {accuracy:.2%}, confidence interval {low:.1%} to {high:.1%} (95 %)",
            name=name,
            accuracy=a,
            low=i[0],
            high=i[1],
        )
        for name, a, i in zip(names, accuracies, intervals, strict=True)
    ]
    figure = go.Figure(
        go.Scatter(
            x=accuracies,
            y=list(names),
            error_x={"type": "data", "array": high, "arrayminus": low, "thickness": 1.5},
            mode="markers",
            marker={"size": 10, "color": palette.KINDS["convolution"].colour(dark)},
            text=texts,
            hovertemplate="%{text}<extra></extra>",
        )
    )
    figure.add_vline(x=overall, line_dash="dash", line_color=palette.KINDS["activation"].colour(dark))
    least = min([interval[0] for interval in intervals], default=0.0)
    figure.update_xaxes(
        title=_("accuracy"), tickformat=".0%" if least < 0.9 else ".1%", range=[least - 0.01, 1.003]
    )
    figure.update_yaxes(title=_("true class"), type="category", autorange="reversed")
    return figure.update_layout(
        title=title, height=100 + 28 * len(names), margin=_MARGIN, showlegend=False, dragmode=False
    )


def calibration_figure(
    edges: Parts, counts: Counts, confidence: Parts, accuracy: Parts, title: str, *, dark: bool = False
) -> go.Figure:
    """Accuracy against confidence in bins (upper part), and how many images are in each (lower part).

    ``edges`` is (bins + 1,), the others (bins,), all from 0 to 1 but the ``counts``; NaN in empty bins.
    """
    colour = palette.KINDS["convolution"].colour(dark)
    ideal = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name=_("perfect calibration"),
        line={"dash": "dash", "color": "#888888"},
        hoverinfo="skip",
    )
    figure = go.Figure(
        [ideal, _reliability(counts, confidence, accuracy, colour), _images_in_bins(edges, counts, colour)]
    )
    figure.update_xaxes(
        title=_("confidence: probability of the predicted class"), range=[0, 1.02], tickformat=".0%"
    )
    return figure.update_layout(
        title=title,
        height=520,
        margin={**_MARGIN, "t": 80},
        dragmode=False,
        yaxis={"title": _("accuracy"), "domain": [0.36, 1], "range": [0, 1.02], "tickformat": ".0%"},
        yaxis2={
            "title": _("images"),
            "domain": [0, 0.24],
            "type": "log",
            "anchor": "x",
            "dtick": 1,
            "tickformat": ",",
            "range": [
                np.log10(0.5),
                np.log10(max(1, counts.max())) + 0.1,
            ],  # so that a bar of one image is visible
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def _reliability(counts: Counts, confidence: Parts, accuracy: Parts, colour: str) -> go.Scatter:
    filled = counts > 0
    texts = [
        _(
            "{count:,} images, mean confidence {confidence:.1%}, accuracy {accuracy:.1%}",
            count=int(count),
            confidence=sure,
            accuracy=right,
        )
        for count, sure, right in zip(counts[filled], confidence[filled], accuracy[filled], strict=True)
    ]
    return go.Scatter(
        x=confidence[filled],
        y=accuracy[filled],
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        mode="lines+markers",
        name=_("this network"),
        marker={"size": 10},
        line={"color": colour, "width": 2},
    )


def _images_in_bins(edges: Parts, counts: Counts, colour: str) -> go.Bar:
    return go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges) * 0.92,
        yaxis="y2",
        marker_color=colour,
        opacity=0.6,
        showlegend=False,
        hovertemplate="%{y:,}<extra></extra>",
    )


def calibration_told(
    figure: go.Figure, edges: Parts, counts: Counts, confidence: Parts, accuracy: Parts
) -> Told:
    """The ``figure`` of :func:`calibration_figure` in words, and a row for each of its bins."""

    def table() -> Table:
        return {
            _("confidence from"): edges[:-1].tolist(),
            _("confidence to"): edges[1:].tolist(),
            _("images"): counts.tolist(),
            _("mean confidence"): [None if np.isnan(value) else value for value in confidence.tolist()],
            _("accuracy"): [None if np.isnan(value) else value for value in accuracy.tolist()],
        }

    return Told(in_words(figure), table)
