"""What the landing page opens with: a digit that draws itself, and a network that reads it in the browser.

Like the cards it imports no torch.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from cnnviz.browser import ahead
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.markup import Component, in_browser

_PARTS = ("engine", "dom", "strokes", "board", "preparation", "paint", "verdict", "edges", "show", "alive")


def network_alive() -> None:
    """The canvas, the network and its prediction."""
    dark = is_dark()
    _component()(
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


@cache
def _component() -> Component:
    network = base64.b64encode(ahead.FILE.read_bytes()).decode()
    return in_browser(Path(__file__).parent / "alive", _PARTS, {"PACKED": network})
