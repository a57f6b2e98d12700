"""What the landing page opens with: a digit that draws itself, and a network that reads it in the browser.

Like the cards it imports no torch.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cnnviz.browser import ahead
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.markup import Component, in_browser

_PARTS = ("engine", "dom", "strokes", "board", "preparation", "paint", "verdict", "edges", "show", "alive")


def network_alive() -> None:
    """The canvas, the network and its prediction; nothing where the network's weights are missing."""
    component = _component()
    if component is None:
        return
    dark = is_dark()
    component(
        key="alive",
        data={
            "scale": palette.rgb(palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT),
            "words": {
                "about": _("A network that reads the digit on the canvas"),
                "canvas": _("Drawing canvas"),
                "draw": _("Draw a digit yourself"),
                "gets": _("Network input"),
                "maps": _("{count} feature maps"),
                "says": _("Prediction"),
                "clear": _("Clear"),
                "pause": _("Pause"),
                "play": _("Show examples"),
                "next": _("Next digit"),
            },
        },
    )


def _component() -> Component | None:
    """The component, made once; None where the weights are missing, which may be over by the next time."""
    try:
        return _made()
    except _MissingError:
        return None


class _MissingError(Exception):
    """There are no weights. Raised because failures are not cached."""


@cache
def _made() -> Component:
    network = ahead.network()
    if network is None:
        raise _MissingError
    return in_browser(Path(__file__).parent / "alive", _PARTS, {"NETWORK": network})
