"""How a training run goes: its loss batch by batch, its accuracy and loss epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import Message
from cnnviz.language import translate as _

LOSS_MESSAGE = Message(
    "Every batch is another sample of the images, so its loss jitters (thin line); the mean of the last "
    "batches (thick line) shows where training is heading. Falling is good; a loss that rises or jumps says "
    "that the learning rate is too high."
)
ACCURACY_MESSAGE = Message(
    "Both curves should rise. Where the training images go on getting better and the test images do not, "
    "the network learns its training images by heart. At first the training images may be behind: their "
    "accuracy is averaged over the epoch, while the weights still change, and the test comes after it."
)
SECOND_PASS_MESSAGE = Message(
    "Both curves should rise, and both are measured with the weights at the epoch's end. Where the training "
    "images go on getting better and the test images do not, the network learns its training images by heart."
)
EPOCH_LOSS_MESSAGE = Message(
    "Both curves should fall. A test loss that rises again while the training loss goes on falling says that "
    "the network becomes surer of its mistakes: it learns its training images by heart."
)

HEIGHT = 340
_LEGEND_ROW = 14  # pixels; on wide pages two entries share a row
ACCURACY_AXIS: Mapping[str, Any] = MappingProxyType(
    # around a single point plotly's own axis goes beyond what there can be
    {"tickformat": ".1~%", "autorangeoptions": {"clipmin": 0, "clipmax": 1}}
)
FAINT = "rgba(128, 132, 150, 0.45)"  # seen on white and on black
_SMOOTHED_PART = (
    0.04  # of the steps until then: early on the loss falls fast, later it jitters more than it falls
)
_SMOOTHED_LEAST = 5.0  # steps
_TICKED_EPOCHS = 12


def loss_figure(steps: NDArray[Any], revision: str, loss_name: str = "cross-entropy") -> go.Figure:
    """Loss per batch, as measured and smoothed.

    ``steps`` has the fields ``step`` and ``loss`` (see :mod:`cnnviz.training.records.metrics`). While
    ``revision`` stays the same, new points leave the person's zoom as it is. ``loss_name`` is what a person
    calls the loss.
    """
    x, loss = steps["step"], steps["loss"]
    figure = go.Figure()
    figure.add_scatter(
        x=x,
        y=smoothed(x, loss),
        name=_("mean of the last batches"),
        mode="lines",
        line={"width": 2.5},
        zorder=1,
        hovertemplate="%{y:.4f}",
    )
    figure.add_scatter(
        x=x,
        y=loss,
        name=_("each batch"),
        mode="lines",
        line={"width": 1, "color": FAINT},
        hovertemplate="%{y:.4f}",
    )
    lay_out(figure, _("Loss per batch"), revision)
    figure.update_xaxes(title=_("step (one batch each)"), tickformat=",")
    figure.update_yaxes(title=_("loss ({name})", name=loss_name), rangemode="tozero")
    return figure


def accuracy_figure(
    train: Sequence[float], test: Sequence[float], total_epochs: int, revision: str
) -> go.Figure:
    """Accuracy (0 to 1) per epoch on training and on test images; both sequences have one value for each
    of the epochs that are done, out of ``total_epochs``.
    """
    figure = _per_epoch(train, test, total_epochs, "%{y:.2%}")
    lay_out(figure, _("Accuracy per epoch"), revision)
    figure.update_yaxes(title=_("accuracy"), **ACCURACY_AXIS)
    if not test:  # without any, its own goes from -100 % to 400 %
        figure.update_yaxes(range=[0, 1])
    return figure


def epoch_loss_figure(
    train: Sequence[float], test: Sequence[float], total_epochs: int, revision: str, loss_name: str
) -> go.Figure:
    """Mean loss per epoch on training and on test images; see :func:`accuracy_figure`."""
    figure = _per_epoch(train, test, total_epochs, "%{y:.4f}")
    lay_out(figure, _("Loss per epoch"), revision)
    figure.update_yaxes(title=_("loss ({name})", name=loss_name), rangemode="tozero")
    return figure


def _per_epoch(train: Sequence[float], test: Sequence[float], total_epochs: int, hover: str) -> go.Figure:
    figure = go.Figure()
    for name, values, symbol, dash in (
        (_("test images"), test, "circle", "solid"),
        (_("training images"), train, "diamond", "dot"),
    ):
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"width": 2.5, "dash": dash},
            marker={"size": 8, "symbol": symbol},
            hovertemplate=hover,
        )
    figure.update_xaxes(title=_("epoch"), range=[0.5, total_epochs + 0.5])
    if total_epochs <= _TICKED_EPOCHS:
        figure.update_xaxes(dtick=1)
    return figure


def smoothed(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Exponential mean of ``y`` over about the last 4 % of ``x`` (and 5 units of it at least).

    ``x`` is positive and rises, in steps that may differ. Later points do not change earlier means. As
    Adam corrects its means (Kingma and Ba 2015, section 3), the weights that a mean has seen so far are
    divided out; so there is no pull towards 0 at the start.
    """
    means = np.empty(len(y))
    total = weight = 0.0
    previous = float(x[0]) if len(x) else 0.0
    for index, (position, value) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        keep = math.exp((previous - position) / max(_SMOOTHED_LEAST, _SMOOTHED_PART * position))
        total, weight, previous = total * keep + value, weight * keep + 1.0, position
        means[index] = total / weight
    return means


def lay_out(figure: go.Figure, title: str, revision: str) -> None:
    """What all figures about training have in common; the legend stands between title and curves."""
    figure.update_layout(
        title={"text": title, "font": {"weight": "bold"}},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 80, "b": 10},
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        uirevision=revision,
    )


def legend_below(figure: go.Figure, height: int) -> None:
    """Let the legend stand below the curves, where it may have many rows; ``height`` in pixels, for two entries."""
    entries = sum(trace.showlegend is not False for trace in figure.data)
    figure.update_layout(
        height=height + _LEGEND_ROW * max(0, entries - 2),
        margin={"t": 60},
        showlegend=True,
        legend={"yref": "container", "y": 0, "yanchor": "bottom"},
    )
