"""The browser's files as one script, for a page that stands alone and for Streamlit's components."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SHARED = ("engine", "strokes", "crop")
"""The files that a page and its worker both need."""
PHOTOS = ("preparation", "digit", "garment", "photo")
"""The files that make a network's image of a photo."""
COMPUTING = (*SHARED, *PHOTOS, "worker")
"""The files of the worker that runs a network."""
READING = (*SHARED, "convolution", "quick", *PHOTOS, "paint", "readers")
"""The files of the worker that lets several networks read what is drawn."""
PICTURE = (
    "layout",
    "arithmetic",
    "field",
    "links",
    "pane",
    "cells",
    "written",
    "unfolding",
    "changing",
    "picture",
)
"""The files of the living picture, behind ``engine``, ``dom``, ``paint`` and ``verdict``."""
SHOWING = (*SHARED, "dom", "board", "camera", "paint", "verdict", *PICTURE)
"""The files that show a network; what uses them comes behind them."""


def joined(names: Sequence[str]) -> str:
    """JavaScript modules of this folder, named without ``.js``, in one scope, one after the other.

    Lines that are nothing but a remark stay behind: they would be a sixth of a page's file.
    """
    texts = ((FOLDER / f"{name}.js").read_text("utf-8") for name in names)
    lines = (line for text in texts for line in text.splitlines() if not line.lstrip().startswith("//"))
    return "\n".join(line.removeprefix("export ") for line in lines) + "\n"


def without_margins(code: str) -> str:
    """The same ``code``, a tenth shorter: none of its texts may run over several lines."""
    return "\n".join(line.strip() for line in code.splitlines())


def literal(value: Any) -> str:
    """``value`` as JSON that may stand in a script of a page: nothing in it ends the script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
