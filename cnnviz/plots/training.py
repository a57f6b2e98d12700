"""How training goes: loss, accuracy, learning rate, gradients and speed of one run, and several runs on one chart."""

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

LOSS_MESSAGE = Message(
    "Each batch contains different images, so its loss fluctuates (thin line); the mean of the last "
    "batches (thick line) shows the trend. It should fall; if the loss rises or jumps, the learning "
    "rate is too high."
)
ACCURACY_MESSAGE = Message(
    "Both curves should rise. If the training accuracy keeps rising while the test accuracy does not, "
    "the network is overfitting. Early on, the training accuracy may be lower: it is averaged over the "
    "epoch while the weights still change, whereas the test follows at the end."
)
SECOND_PASS_MESSAGE = Message(
    "Both curves should rise; both are measured with the weights at the end of the epoch. If the "
    "training accuracy keeps rising while the test accuracy does not, the network is overfitting."
)
BATCH_ACCURACY_MESSAGE = Message(
    "The accuracy on the images of each batch (thin line) and the mean of the last batches (thick line). It should rise; "
    "only images that the network was not trained on show whether it overfits."
)
EPOCH_LOSS_MESSAGE = Message(
    "Both curves should fall. If the test loss rises while the training loss keeps falling, the network "
    "becomes more confident in its mistakes: it is overfitting."
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

LOSS_SCALES: Mapping[str, Message] = MappingProxyType(
    {
        "all": Message("all values"),
        "typical": Message("without outliers"),
        "log": Message("logarithmic"),
    }
)
"""What the vertical axis of a loss shows."""

_USUAL_PART = 0.75  # of the values; what lies several times above them is an outlier
_OUTLIER_FACTOR = 3.0
_MOST_MARKS = 6


@dataclass(frozen=True)
class RateMark:
    """From ``step`` on the learning rate was ``rate``, because somebody changed it."""

    step: int
    rate: float


def typical_limit(values: Sequence[NDArray[Any]]) -> float | None:
    """The top of an axis without outliers; None where no value of the curves ``values`` lies above it.

    Three quarters of the values lie below a third of it. The first value of each curve, from before the network has
    learned anything, is no outlier.
    """
    curves = [one[np.isfinite(one)] for one in (np.asarray(some, float) for some in values)]
    curves = [one for one in curves if one.size]
    if not curves:
        return None
    every = np.concatenate(curves)
    usual = _OUTLIER_FACTOR * float(np.quantile(every, _USUAL_PART))
    highest = max(usual, *(float(one[0]) for one in curves))
    top = float(every[every <= highest].max(initial=0.0))
    return top if 0 < top < every.max() else None


def above(values: Sequence[NDArray[Any]], scale: str) -> Message | None:
    """How many of ``values`` an axis on this ``scale`` leaves out; None where it shows all."""
    limit = typical_limit(values) if scale == "typical" else None
    if limit is None:
        return None
    every = np.concatenate([np.asarray(one, float).ravel() for one in values])
    return Message(
        "{count:,} of {total:,} values lie above this axis, the highest at {highest:,.4g}.",
        count=int((every > limit).sum()),
        total=len(every),
        highest=float(np.nanmax(every)),
    )


def loss_figure(
    steps: NDArray[Any],
    revision: str,
    loss_name: str = "cross-entropy",
    scale: str = "all",
    marks: Sequence[RateMark] = (),
) -> go.Figure:
    """Loss per batch, as measured and smoothed.

    ``steps`` has the fields ``step`` and ``loss`` (see :mod:`cnnviz.training.records.metrics`). While ``revision``
    and ``scale``, a key of :data:`LOSS_SCALES`, stay the same, new points do not reset the zoom. ``loss_name`` is the
    loss's name on the axis; it may be empty. A dotted line stands at each of the ``marks``.
    """
    x, loss = steps["step"], steps["loss"]
    figure = go.Figure()
    figure.add_scatter(
        **_trend(x, loss, scale),
        name=_("geometric mean of the last batches") if scale == "log" else _("mean of the last batches"),
        mode="lines",
        line={"width": 2.5},
        zorder=1,
        hovertemplate="%{y:.4f}",
    )
    figure.add_scatter(
        x=x,
        y=loss,
        name=_("single batch"),
        mode="lines",
        line={"width": 1, "color": FAINT},
        hovertemplate="%{y:.4f}",
    )
    lay_out(figure, _("Loss per batch"), _on_scale(revision, scale))
    figure.update_xaxes(title=_("step (one batch)"), tickformat=",")
    figure.update_yaxes(title=_loss_title(loss_name), **_loss_axis([loss], scale))
    _mark(figure, marks)
    return figure


def batch_accuracy_figure(steps: NDArray[Any], revision: str) -> go.Figure:
    """Accuracy (0 to 1) per batch, as measured and smoothed; see :func:`loss_figure`."""
    x, accuracy = steps["step"], steps["accuracy"]
    names = _("mean of the last batches"), _("single batch")
    figure = _with_mean(x, accuracy, names, "%{y:.2%}")
    lay_out(figure, _("Accuracy per batch"), revision)
    figure.update_layout(
        height=HEIGHT + _LEGEND_ROW, margin={"t": 80 + _LEGEND_ROW}
    )  # of two rows beside long ticks
    figure.update_xaxes(title=_("step (one batch)"), tickformat=",")
    figure.update_yaxes(title=_("accuracy"), **ACCURACY_AXIS)
    return figure


def _with_mean(x: NDArray[Any], y: NDArray[Any], names: tuple[str, str], hover: str) -> go.Figure:
    """The mean of the last values of ``y``, and behind it each value; ``names`` are those of the two curves."""
    figure = go.Figure()
    for name, values, line, order in (
        (names[0], smoothed(x, y), {"width": 2.5}, 1),
        (names[1], y, {"width": 1, "color": FAINT}, 0),
    ):
        figure.add_scatter(
            x=x, y=values, mode="lines", line=line, hovertemplate=hover, name=name, zorder=order
        )
    return figure


def _trend(x: NDArray[Any], loss: NDArray[Any], scale: str) -> dict[str, NDArray[Any]]:
    """The smoothed curve of ``loss``: on a logarithmic scale it is that of the logarithms, and without outliers they do
    not count, as one batch can be larger than all others together.
    """
    if scale == "log":
        logarithms = np.log10(np.maximum(loss, _SMALLEST))
        return {"x": x, "y": 10 ** smoothed(x, logarithms)}
    limit = typical_limit([loss]) if scale == "typical" else None
    if limit is not None:
        x, loss = x[loss <= limit], loss[loss <= limit]
    return {"x": x, "y": smoothed(x, loss)}


def _loss_title(name: str) -> str:
    """What the axis of a loss is called; a loss without a name is just that."""
    return _("loss ({name})", name=name) if name else _("loss")


def _on_scale(revision: str, scale: str) -> str:
    """The revision of a figure, which another scale of its axis resets."""
    return revision if scale == "all" else f"{revision}-{scale}"


def _loss_axis(values: Sequence[NDArray[Any]], scale: str) -> dict[str, Any]:
    """What the vertical axis needs to show the losses ``values`` on ``scale``."""
    if scale == "log":
        positive = [one[np.isfinite(one) & (one > 0)] for one in (np.asarray(some, float) for some in values)]
        return {"type": "log", **_ticks(np.concatenate(positive) if positive else np.empty(0))}
    limit = typical_limit(values) if scale == "typical" else None
    return {"rangemode": "tozero"} if limit is None else {"range": [0, 1.05 * limit]}


def _mark(figure: go.Figure, marks: Sequence[RateMark]) -> None:
    """Dotted lines where the learning rate was changed by hand, the latest ones with the new rate beside them."""
    figure.update_layout(
        shapes=[
            {
                "type": "line",
                "x0": mark.step,
                "x1": mark.step,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"width": 1.5, "dash": "dot", "color": FAINT},
            }
            for mark in marks
        ],
        annotations=[
            {
                "x": mark.step,
                "y": 1,
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "showarrow": False,
                "text": _("learning rate {rate:g}", rate=mark.rate),
                "font": {"size": 11},
                "yshift": -14 * (number % 3),
            }
            for number, mark in enumerate(marks[-_MOST_MARKS:])
        ],
    )


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
    train: Sequence[float],
    test: Sequence[float],
    total_epochs: int,
    revision: str,
    loss_name: str,
    scale: str = "all",
) -> go.Figure:
    """Mean loss per epoch on training and on test images; see :func:`accuracy_figure` and :func:`loss_figure`."""
    figure = _per_epoch(train, test, total_epochs, "%{y:.4f}")
    lay_out(figure, _("Loss per epoch"), _on_scale(revision, scale))
    axis = _loss_axis([np.array(train), np.array(test)], scale)
    figure.update_yaxes(title=_loss_title(loss_name), **axis)
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

    ``x`` is positive and increasing, not necessarily evenly spaced. Later points do not change earlier means. As in
    Adam (Kingma and Ba 2015, section 3), each mean is divided by the sum of its weights so far, which removes the
    bias towards 0 at the start. A value that is no finite number has no mean, and does not count in later ones.
    """
    means = np.empty(len(y))
    total = weight = 0.0
    previous = float(x[0]) if len(x) else 0.0
    for index, (position, value) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        if not math.isfinite(value):
            means[index] = math.nan
            continue
        keep = math.exp((previous - position) / max(_SMOOTHED_LEAST, _SMOOTHED_PART * position))
        total, weight, previous = total * keep + value, weight * keep + 1.0, position
        means[index] = total / weight
    return means


def lay_out(figure: go.Figure, title: str, revision: str) -> None:
    """The common layout of all figures about training; the legend is between title and curves."""
    figure.update_layout(
        title={"text": title, "font": {"weight": "bold"}},
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 80, "b": 10},
        hovermode="x unified",
        dragmode=False,  # else a finger that scrolls the page zooms; the bar above has a button for it
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        uirevision=revision,
    )


def legend_below(figure: go.Figure, height: int) -> None:
    """Put the legend below the curves, where it may have many rows; ``height`` in pixels is for two entries."""
    entries = sum(trace.showlegend is not False for trace in figure.data)
    figure.update_layout(
        height=height + _LEGEND_ROW * max(0, entries - 2),
        margin={"t": 60},
        showlegend=True,
        legend={"yref": "container", "y": 0, "yanchor": "bottom"},
    )


RATE_MESSAGE = Message(
    "The learning rate sets how far each step moves along the gradient. A schedule lowers it over the "
    "epochs so that the weights settle; changes by hand are shown too."
)
GRADIENT_MESSAGE = Message(
    "The gradient norm of each layer, on a logarithmic scale. If the norms shrink by orders of "
    "magnitude from the last layers to the first, the first layers hardly learn (vanishing gradients); "
    "if they grow without bound, the loss is about to become infinite or NaN."
)
SPEED_MESSAGE = Message(
    "Images per second in training, tests excluded. Other runs and programs on the same machine slow it down."
)

_MOST_LINES = 8
_MOST_COLUMNS = 240
_ROW = 18  # pixels
_FEW_DECADES = 3
_SMALLEST = 1e-12  # a norm of 0 has no logarithm


def rate_figure(samples: NDArray[Any], revision: str) -> go.Figure:
    """The learning rate at each step; ``samples`` has the fields of :class:`cnnviz.training.records.metrics.Sample`."""
    figure = go.Figure()
    figure.add_scatter(
        x=samples["step"],
        y=samples["learning_rate"],
        mode="lines",
        line={"width": 2.5, "shape": "hv"},
        hovertemplate="%{y:.4g}",
        name=_("learning rate"),
    )
    lay_out(figure, _("Learning rate"), revision)
    figure.update_xaxes(title=_("step (one batch)"), tickformat=",")
    figure.update_yaxes(title=_("learning rate"), rangemode="tozero")
    return figure


def speed_figure(samples: NDArray[Any], revision: str) -> go.Figure:
    """Images per second over the time of training."""
    names = _("mean of the last seconds"), _("each measurement")
    figure = _with_mean(samples["seconds"], samples["images_per_second"], names, "%{y:,.0f}")
    lay_out(figure, _("Images per second"), revision)
    figure.update_xaxes(title=_("training time in seconds"), tickformat=",")
    figure.update_yaxes(title=_("images per second"), tickformat=",", rangemode="tozero")
    return figure


def gradient_figure(samples: NDArray[Any], layers: Sequence[str], revision: str) -> go.Figure:
    """The gradient norm of each of the ``layers`` at each step: as lines or, for many layers, as a heat map."""
    if len(layers) <= _MOST_LINES:
        return _gradient_lines(samples, layers, revision)
    figure = go.Figure()
    stride = -(-len(samples) // _MOST_COLUMNS) or 1
    shown = samples[::stride]
    figure.add_heatmap(
        x=shown["step"],
        y=list(layers),
        z=np.log10(np.maximum(shown["norms"], _SMALLEST)).T.astype(np.float32),
        colorscale=palette.sequential(),
        colorbar={"title": _("norm"), "tickprefix": "10<sup>", "ticksuffix": "</sup>", "dtick": 1},
        hovertemplate="%{y}<br>10<sup>%{z:.1f}</sup><extra></extra>",
    )
    lay_out(figure, _("Gradient norm per layer"), revision)
    figure.update_layout(height=max(HEIGHT, 130 + _ROW * len(layers)), hovermode="closest")
    figure.update_xaxes(title=_("step (one batch)"), tickformat=",")
    figure.update_yaxes(
        type="category", dtick=1, autorange="reversed", automargin=True, showgrid=False, tickfont={"size": 11}
    )
    return figure


def _gradient_lines(samples: NDArray[Any], layers: Sequence[str], revision: str) -> go.Figure:
    figure = go.Figure()
    norms = np.log10(np.maximum(samples["norms"], _SMALLEST))
    for number, layer in enumerate(layers):
        figure.add_scatter(
            x=samples["step"],
            y=10 ** smoothed(samples["step"], norms[:, number]),  # single batches differ several times over
            name=layer,
            mode="lines",
            line={"width": 2, "dash": ("solid", "dot", "dash", "dashdot")[number % 4]},
            hovertemplate="%{y:.3g}",
        )
    lay_out(figure, _("Gradient norm per layer (smoothed)"), revision)
    figure.update_xaxes(title=_("step (one batch)"), tickformat=",")
    figure.update_yaxes(title=_("norm"), type="log", **_ticks(samples["norms"]))
    return figure


def _ticks(norms: NDArray[Any]) -> dict[str, Any]:
    """Ticks at powers of ten and, if there are few of them, also at 2 and 5 times each; all written out."""
    shown = np.maximum(norms, _SMALLEST)
    if shown.size and np.log10(shown.max() / shown.min()) < _FEW_DECADES:
        return {"dtick": "D2", "tickformat": "~g"}
    return {"exponentformat": "power"}


_LOSS = Message("Lower is better. Different losses (cross-entropy, mean squared error) cannot be compared.")
COMPARISON_MESSAGES: Mapping[str, Message] = MappingProxyType(
    {
        "test_accuracy": Message(
            "Accuracy on the test images after every epoch. Accuracies on different data sets cannot be "
            "compared."
        ),
        "train_accuracy": Message(
            "Accuracy on the training images. A curve far above the test accuracy of the same run means "
            "overfitting."
        ),
        "test_loss": _LOSS,
        "batch_loss": Message("Mean of the last batches. {rest}", rest=_LOSS),
        "batch_accuracy": Message("Accuracy on the images of each batch: the mean of the last batches."),
    }
)
_COMPARISON_TITLES: Mapping[str, tuple[Message, Message]] = MappingProxyType(
    {
        "test_accuracy": (Message("Test accuracy per epoch"), Message("accuracy")),
        "train_accuracy": (Message("Training accuracy per epoch"), Message("accuracy")),
        "test_loss": (Message("Test loss per epoch"), Message("loss")),
        "batch_loss": (Message("Loss per batch (smoothed)"), Message("loss")),
        "batch_accuracy": (Message("Accuracy per batch (smoothed)"), Message("accuracy")),
    }
)
_DASHES = ("solid", "dash", "dot", "dashdot")
_COLOURS = 10  # in the theme; further lines repeat them with another dash
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "star", "x", "pentagon")
_COMPARISON_HEIGHT = 420


@dataclass(frozen=True, eq=False)
class Curve:
    """One run's points: ``x`` and ``y`` are arrays (n,)."""

    name: str
    x: NDArray[Any]
    y: NDArray[Any]


def dash(number: int) -> str:
    """The dash of the line number ``number`` (from 0), as plotly calls it."""
    return _DASHES[number // _COLOURS % len(_DASHES)]


def comparison_figure(
    curves: Sequence[Curve], what: str, axis: str, revision: str, scale: str = "all"
) -> go.Figure:
    """Several runs on one chart; ``what`` is a key of :data:`COMPARISON_MESSAGES`, ``axis`` ``progress`` or
    ``seconds``, ``scale`` that of a loss.
    """
    chart = go.Figure()
    title, y_title = _COMPARISON_TITLES[what]
    accuracy = what.endswith("accuracy")
    per_epoch = not what.startswith("batch_")
    for number, curve in enumerate(curves):
        chart.add_scatter(
            x=curve.x,
            y=curve.y,
            name=curve.name,
            mode="lines+markers" if per_epoch else "lines",
            line={"width": 2.5, "dash": dash(number)},
            marker={"size": 7, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            hovertemplate="%{y:.2%}" if accuracy else "%{y:.4f}",
        )
    lay_out(chart, str(title), _on_scale(revision, scale))
    legend_below(chart, _COMPARISON_HEIGHT)
    step = _("epoch") if per_epoch else _("step (one batch)")
    chart.update_xaxes(title=_("training time in seconds") if axis == "seconds" else step, tickformat=",")
    if (
        per_epoch
        and axis == "progress"
        and max((len(curve.x) for curve in curves), default=0) <= _TICKED_EPOCHS
    ):
        chart.update_xaxes(dtick=1)
    if accuracy:
        chart.update_yaxes(title=str(y_title), **ACCURACY_AXIS)
    else:
        chart.update_yaxes(title=str(y_title), **_loss_axis([curve.y for curve in curves], scale))
    return chart
