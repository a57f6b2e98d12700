"""Which parts of the app a lesson can show, and what it can choose there. Imports neither torch nor Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cnnviz.lessons.course.lesson import Pairs, View


@dataclass(frozen=True)
class Place:
    """A page: the ``views`` of it that can be shown alone, and the parameters of its link that a lesson may give.

    ``chosen`` says that the page's link names the view itself, as ``view``; ``alone`` are choices that the page's own link
    does not know, as it shows all.
    """

    views: tuple[str, ...]
    choices: tuple[str, ...]
    chosen: bool = True
    alone: tuple[str, ...] = ()


_WINDOW = ("layer", "height", "width", "kernel", "stride", "padding", "dilation", "rounding")
_IMAGE = ("checkpoint", "untrained", "dataset", "source", "digit", "image")

PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "convolution": Place(
            ("animation", "size", "cost", "saving"),
            (
                *_WINDOW,
                *("input", "weights", "own", "mix", "bias", "at", "speed"),
                *("in", "maps", "channels", "map", "window", "outputs", "reduced"),
            ),
            chosen=False,
        ),
        "architecture": Place(
            ("layers", "changes", "why", "operation", "graph", "bars", "compare", "code"),
            (
                *(
                    "model",
                    "set",
                    "size",
                    "channels",
                    "layer",
                    "why",
                    "way",
                    "unfolded",
                    "operations",
                    "beside",
                ),
                *("second", "trained", "depth", "meeting", "pass"),
            ),
        ),
        "filters": Place(
            ("filters", "network", "maps", "layer", "excite", "why", "history", "value"),
            (
                *_IMAGE,
                *("step", "layer", "output", "picture", "order", "figures", "both", "scale", "map", "stage"),
                *("target", "method", "window", "cam", "steps", "channel", "at"),
            ),
        ),
        "evaluate": Place(
            ("overview", "confusions", "mistakes", "calibration", "compare"),
            ("checkpoint", "dataset", "true", "read", "page", "second"),
        ),
        "experiments": Place(
            ("results", "figure"), ("experiment", "figure"), chosen=False, alone=("figure",)
        ),
        "draw": Place(("canvas",), ("task", "source", "checkpoint", "inside"), chosen=False),
        "train": Place(
            ("run",),
            (
                *("model", "set", "dataset", "train_images", "resize", "permute", "order", "epochs", "seed"),
                *("batch_size", "learning_rate", "optimizer", "momentum", "weight_decay", "schedule", "loss"),
                *("initialisation", "run"),
            ),
            chosen=False,
        ),
    }
)
"""The pages by the name in their address."""


def in_link(view: View) -> Pairs:
    """The parameters of its page's link that lead to a ``view``."""
    named = (("view", view.view),) if PLACES[view.page].chosen else ()
    return *named, *view.choices
