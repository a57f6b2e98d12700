"""Several runs on one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots.training import ACCURACY_AXIS, lay_out, legend_below

_LOSS = Message(
    "The lower, the better; losses of different kinds (cross-entropy, mean squared error) cannot be compared."
)
MESSAGES: Mapping[str, Message] = MappingProxyType(
    {
        "test_accuracy": Message(
            "How many of the test images each network gets right after every epoch. Accuracies on different "
            "data sets cannot be compared."
        ),
        "train_accuracy": Message(
            "How many of its training images each network gets right. A curve far above the same run's test "
            "accuracy says that it learns its images by heart."
        ),
        "test_loss": _LOSS,
        "batch_loss": Message(
            "The mean of the last batches. {rest}",
            rest=_LOSS,
        ),
    }
)
_TITLES: Mapping[str, tuple[Message, Message]] = MappingProxyType(
    {
        "test_accuracy": (Message("Test accuracy after each epoch"), Message("accuracy")),
        "train_accuracy": (Message("Training accuracy of each epoch"), Message("accuracy")),
        "test_loss": (Message("Test loss after each epoch"), Message("loss")),
        "batch_loss": (Message("Loss per batch, smoothed"), Message("loss")),
    }
)
_DASHES = ("solid", "dash", "dot", "dashdot")
_COLOURS = 10  # of the theme; after them lines begin again with another dash
_SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "star", "x", "pentagon")
_HEIGHT = 420
_TICKED = 12  # epochs


@dataclass(frozen=True, eq=False)
class Curve:
    """One run's points: ``x`` and ``y`` are arrays (n,)."""

    name: str
    x: NDArray[Any]
    y: NDArray[Any]


def dash(number: int) -> str:
    """The dash of the line number ``number`` (from 0), as plotly calls it."""
    return _DASHES[number // _COLOURS % len(_DASHES)]


def figure(curves: Sequence[Curve], what: str, axis: str, revision: str) -> go.Figure:
    """The chart; ``what`` is a key of :data:`MESSAGES`, ``axis`` is ``progress`` or ``seconds``."""
    chart = go.Figure()
    title, y_title = _TITLES[what]
    accuracy = what.endswith("accuracy")
    per_epoch = what != "batch_loss"
    for number, curve in enumerate(curves):
        chart.add_scatter(
            x=curve.x,
            y=curve.y,
            name=curve.name,
            mode="lines+markers" if per_epoch else "lines",
            line={"width": 2.5, "dash": dash(number)},
            marker={"size": 7, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
            hovertemplate="%{y:.2%}" if accuracy else "%{y:.4f}",
        )
    lay_out(chart, str(title), revision)
    legend_below(chart, _HEIGHT)
    step = _("epoch") if per_epoch else _("step (one batch each)")
    chart.update_xaxes(title=_("seconds of training") if axis == "seconds" else step, tickformat=",")
    if per_epoch and axis == "progress" and max((len(curve.x) for curve in curves), default=0) <= _TICKED:
        chart.update_xaxes(dtick=1)
    if accuracy:
        chart.update_yaxes(title=str(y_title), **ACCURACY_AXIS)
    else:
        chart.update_yaxes(title=str(y_title), rangemode="tozero")
    return chart
