"""A person's own trained model as the page in which it reads what is drawn: in a notebook's cell, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
import torch

from cnnviz.browser.page import Content, page
from cnnviz.browser.plan import UnplannableError, plan
from cnnviz.drawing.strokes import example_points
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.tracing.trace import trace

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.browser.plan import Plan

_DIGITS = (1, 28, 28)
_MNIST_MEAN, _MNIST_DEVIATION = 0.1307, 0.3081
_HEIGHT = 900  # pixels in a notebook; what is below is scrolled to


@dataclass(frozen=True)
class Live:
    """A network that reads drawings: a notebook shows it under the cell, :meth:`save` writes it to a file."""

    title: str
    html: str = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write the page as one HTML file, which works offline and without a server; returns its path.

        Raises:
            OSError: it cannot be written.
        """
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        # Its own frame: neither its style nor its script can meet the notebook's.
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="{escape(self.title)}" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 0"></iframe>'
        )


def live(
    model: nn.Module,
    input_shape: Sequence[int] = _DIGITS,
    *,
    mean: float = _MNIST_MEAN,
    deviation: float = _MNIST_DEVIATION,
    classes: Sequence[str] | None = None,
) -> Live:
    """``model`` with its present weights in a page: draw a digit, and it reads it while you draw.

    The browser computes everything, in evaluation mode; no server is needed. End a notebook's cell with the call, or
    ``save("mine.html")`` what it returns.

    Args:
        model: takes images of ``input_shape`` and returns one score (or logarithm of a probability) for each class. It
            may live on any device, and is not changed.
        input_shape: (1, 28, 28), the only shape that drawings are prepared for.
        mean: what pixels from 0 (paper) to 1 (ink) are normalised with, as in training. The defaults are those of
            MNIST; a network that was trained on values from 0 to 1 takes ``mean=0, deviation=1``.
        deviation: see ``mean``; above 0.
        classes: their names in the order of the scores; 0, 1, 2, ... by default.

    Raises:
        UsageError: an argument does not fit the model; the message says what does.
        UnplannableError: the browser cannot run the model; the message names the layer or the reason.
    """
    if tuple(input_shape) != _DIGITS:
        raise UsageError(
            Message(
                "Drawings are prepared as images of 1 x 28 x 28 pixels; {shape} is not possible here. "
                "cnnviz.explore(model, {shape}) opens the app for other images.",
                shape=tuple(input_shape),
            )
        )
    if not deviation > 0:
        raise UsageError(
            Message("The standard deviation is {deviation}; it must be above 0.", deviation=deviation)
        )
    traced = trace(model, _DIGITS)
    tensors = model.state_dict()
    told = plan(traced, tensors)
    title = f"{type(model).__name__} · cnnviz"
    return Live(
        title,
        page(
            Content(
                title=title,
                checkpoint="model",
                plan=told,
                weights=_bytes({name: tensors[name] for name in _used(told)}),
                classes=_names(told, classes),
                mean=mean,
                deviation=deviation,
                examples=example_points(),
            )
        ),
    )


def _used(told: Plan) -> set[str]:
    return {name for op in told["ops"] for name in op["weights"].values()}


def _bytes(tensors: dict[str, torch.Tensor]) -> bytes:
    """A safetensors file; each tensor is copied, as the format refuses shared memory."""
    return safetensors.torch.save(
        {
            name: values.detach().to("cpu", torch.float32, copy=True).contiguous()
            for name, values in tensors.items()
        }
    )


def _names(told: Plan, classes: Sequence[str] | None) -> list[str]:
    shape = told["ops"][told["output"]]["shape"]
    if len(shape) != 1:
        raise UnplannableError(
            Message(
                "The network must return one score for each class; it returns {shape} values.",
                shape=" x ".join(map(str, shape)),
            )
        )
    names = [str(number) for number in range(shape[0])] if classes is None else [*map(str, classes)]
    if len(names) != shape[0]:
        raise UsageError(
            Message(
                "There are {names} names of classes, but the network returns {scores} scores; give as many.",
                names=len(names),
                scores=shape[0],
            )
        )
    return names
