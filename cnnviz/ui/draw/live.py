"""What the chosen networks say of a drawing: in the browser while the pen moves, on the server when it rests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import translate as _
from cnnviz.ui.draw import canvas, choices
from cnnviz.ui.inside import verdicts
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import live
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import explained

_component = in_browser(
    Path(__file__).parent / "readings", ("dom", "verdict", "delivery", "glass", "readings"), isolated=False
)


def cards(chosen: Sequence[Weights]) -> None:
    """A card for each network: those that the browser runs come first."""
    addresses = {weights.key: _address(weights) for weights in chosen}
    told: list[tuple[Weights, dict[str, Any]]] = [
        (weights, _told(weights, addresses[weights.key])) for weights in chosen
    ]
    others = [weights for weights in chosen if addresses[weights.key] is None]
    _component(
        data={
            "networks": [one for weights, one in told if addresses[weights.key] is not None],
            "others": [one for weights, one in told if addresses[weights.key] is None],
            "words": {
                "second": _("Runner-up: {label}, {part}"),
                "time": _("Computed in {milliseconds} ms"),
                "maps": _("Feature maps of the first convolution"),
            },
        },
        key="readings",
    )
    if others:
        _served(others)


@fragment()
def _served(chosen: Sequence[Weights]) -> None:
    """Cards of networks that the server runs, when the pen rests."""
    with st.container(key="follows-served"):
        labels: list[str] = []
        with explained():  # what a browser sends may be damaged
            shown = choices.drawn()
            labels = verdicts.cards(None if shown is None else shown.pixels, chosen)
        canvas.follow(
            "served",
            {
                weights.key[1]: label
                for weights, label in zip(chosen, labels, strict=False)
                if label != verdicts.UNREAD
            },
        )


def _address(weights: Weights) -> live.Address | None:
    try:
        return live.address(weights.key, weights.preparing) if _is_scored(weights) else None
    except CnnvizError:  # the server's card says it
        return None


def _is_scored(weights: Weights) -> bool:
    """Whether the network gives a score for each class, and takes an image as it is drawn."""
    output = weights.trace.output
    return (
        weights.input_shape[1:] == (28, 28)
        and output is not None
        and output.output_shape == (len(weights.classes),)
    )


def _told(weights: Weights, address: live.Address | None) -> dict[str, Any]:
    place = {} if address is None else address._asdict()
    return {"id": weights.key[1], "title": weights.title, "classes": weights.classes, **place}
