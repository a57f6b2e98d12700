"""A person's own trained model as the page in which it reads what is drawn: in a notebook's cell, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from cnnviz.browser.packing import packed
from cnnviz.browser.page import IMAGE_CHANNELS, Content, page
from cnnviz.browser.plan import UnplannableError, refusal
from cnnviz.datasets.registry import Shows
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import LANGUAGES, Message
from cnnviz.tracing.trace import trace
from cnnviz.training.recipe.fields import check_channels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import nn

    from cnnviz.tracing.trace import Trace

_DIGITS = (1, 28, 28)
_MNIST_MEAN, _MNIST_DEVIATION = 0.1307, 0.3081
_HEIGHT = 900  # pixels in a notebook; what is below is scrolled to


@dataclass(frozen=True)
class Live:
    """A network that one draws for, or shows pictures: a notebook shows it under the cell, :meth:`save` writes a file."""

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
    mean: ArrayLike | None = None,
    deviation: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
    reads: Shows | None = None,
) -> Live:
    """``model`` with its present weights in a page: draw a digit, and it reads it while you draw; or show it a picture.

    The browser computes everything, in evaluation mode; no server is needed. End a notebook's cell with the call, or
    ``save("mine.html")`` what it returns.

    Args:
        model: takes images of ``input_shape`` and returns one score (or logarithm of a probability) for each class. It
            may live on any device, and is not changed.
        input_shape: (C, H, W), with 1 or 3 channels.
        mean: what values from 0 (paper, black) to 1 (ink, white) are normalised with, as in training: one number, or one
            a channel. By default MNIST's for (1, 28, 28), otherwise 0.
        deviation: see ``mean``; above 0, by default 1 where that is 0.
        classes: their names in the order of the scores; 0, 1, 2, ... by default.
        reads: what its images show. "digits" as in MNIST are drawn; of a photo the ink is found and centred. "clothing" as
            in Fashion-MNIST is made bright on black. Of "pictures" the middle is taken, as it is. By default digits for
            (1, 28, 28), pictures for any other shape.

    Raises:
        UsageError: an argument does not fit the model; the message says what does.
        UnplannableError: the browser cannot run the model; the message names the layer or the reason.
    """
    shape = _image_shape(input_shape)
    shown = _shown(reads, shape)
    traced = trace(model, shape)
    reason = refusal(traced)
    if reason is not None:
        raise UnplannableError(reason)
    names = _names(traced, classes)
    usual = (_MNIST_MEAN, _MNIST_DEVIATION) if shape == _DIGITS else (0.0, 1.0)
    means = _each(usual[0] if mean is None else mean, shape[0])
    deviations = _each(usual[1] if deviation is None else deviation, shape[0])
    check_channels(Message("mean"), means, shape[0], positive=False)
    check_channels(Message("standard deviation"), deviations, shape[0], positive=True)
    title = f"{type(model).__name__} · cnnviz"
    return Live(
        title,
        page(
            Content(
                title=title,
                checkpoint="model",
                network=packed(model, traced, means, deviations),
                classes=dict.fromkeys(LANGUAGES, names),
                reads=shown,
            )
        ),
    )


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    sizes = tuple(shape)
    if len(sizes) != 3 or sizes[0] not in IMAGE_CHANNELS or min(sizes) < 1:
        raise UsageError(
            Message(
                "A page shows images of 1 or 3 channels, (C, H, W); {shape} is not possible here. "
                "cnnviz.explore(model, {shape}) opens the app for other input.",
                shape=sizes,
            )
        )
    return sizes[0], sizes[1], sizes[2]


def _shown(reads: Shows | None, shape: tuple[int, int, int]) -> Shows:
    if reads is None:
        return "digits" if shape == _DIGITS else "pictures"
    if reads not in get_args(Shows):
        raise UnknownKeyError(Message("kind of images"), reads, get_args(Shows))
    return reads


def _each(value: ArrayLike, channels: int) -> tuple[float, ...]:
    """``value`` for each channel, where it is a single number."""
    values = tuple(np.ravel(value).tolist())
    return values * channels if np.ndim(value) == 0 else values


def _names(traced: Trace, classes: Sequence[str] | None) -> list[str]:
    shape = () if traced.output is None else traced.output.output_shape
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
                "There are {names} class names, but the network returns {scores} scores; give one name for each.",
                names=len(names),
                scores=shape[0],
            )
        )
    return names
