"""What is measured from time to time while a run trains: learning rate, gradients, speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.plots.training import FAINT, HEIGHT, lay_out, smoothed

RATE_MESSAGE = Message(
    "The learning rate says how far each step goes along the gradient. A schedule lowers it from epoch to "
    "epoch, so that the weights settle; steps by hand show here, too."
)
GRADIENT_MESSAGE = Message(
    "How strongly the loss pulls at each layer, on a logarithmic scale. Norms that shrink by powers of ten "
    "from the last layers to the first say that these hardly learn (vanishing gradients); norms that grow "
    "without end announce a loss that is no number any more."
)
SPEED_MESSAGE = Message(
    "Images that pass through training in a second, testing not counted. Other runs and programs on the same "
    "machine make it dip."
)

_MOST_LINES = 8
_MOST_COLUMNS = 240
_ROW = 18  # pixels
_FEW_DECADES = 3
_SMALLEST = 1e-12  # a norm of 0 has no logarithm


def rate_figure(samples: NDArray[Any], revision: str) -> go.Figure:
    """The learning rate step by step; ``samples`` has the fields of :class:`cnnviz.training.records.samples.Sample`."""
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
    figure.update_xaxes(title=_("step (one batch each)"), tickformat=",")
    figure.update_yaxes(title=_("learning rate"), rangemode="tozero")
    return figure


def speed_figure(samples: NDArray[Any], revision: str) -> go.Figure:
    """Images a second over the seconds of training."""
    figure = go.Figure()
    seconds, speed = samples["seconds"], samples["images_per_second"]
    for name, values, line, order in (
        (_("mean of the last seconds"), smoothed(seconds, speed), {"width": 2.5}, 1),
        (_("each measurement"), speed, {"width": 1, "color": FAINT}, 0),
    ):
        figure.add_scatter(
            x=seconds, y=values, mode="lines", line=line, hovertemplate="%{y:,.0f}", name=name, zorder=order
        )
    lay_out(figure, _("Images a second"), revision)
    figure.update_xaxes(title=_("seconds of training"), tickformat=",")
    figure.update_yaxes(title=_("images a second"), tickformat=",", rangemode="tozero")
    return figure


def gradient_figure(samples: NDArray[Any], layers: Sequence[str], revision: str) -> go.Figure:
    """The norm of the gradient of each of the ``layers`` step by step: lines, or for many layers a map."""
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
    lay_out(figure, _("Gradient norm of each layer"), revision)
    figure.update_layout(height=max(HEIGHT, 130 + _ROW * len(layers)), hovermode="closest")
    figure.update_xaxes(title=_("step (one batch each)"), tickformat=",")
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
    lay_out(figure, _("Gradient norm of each layer (smoothed)"), revision)
    figure.update_xaxes(title=_("step (one batch each)"), tickformat=",")
    figure.update_yaxes(title=_("norm"), type="log", **_ticks(samples["norms"]))
    return figure


def _ticks(norms: NDArray[Any]) -> dict[str, Any]:
    """Powers of ten, and where there are few of them, 2 and 5 times each as well; all written out."""
    shown = np.maximum(norms, _SMALLEST)
    if shown.size and np.log10(shown.max() / shown.min()) < _FEW_DECADES:
        return {"dtick": "D2", "tickformat": "~g"}
    return {"exponentformat": "power"}
