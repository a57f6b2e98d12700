"""Parts of a page that answer in the browser, from the JavaScript beside the view that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_SHARED = Path(__file__).parent


def in_browser(folder: Path, parts: Sequence[str]) -> ComponentRenderer:
    """The component whose style is the CSS file in ``folder`` that is called like it.

    Its code is the files ``parts``, one after the other, named without ``.js``: those of ``folder``, or those
    that stand beside this module. It draws into an element whose class is the folder's name.
    """
    name = folder.name
    return st.components.v2.component(
        f"cnnviz_{name}",
        html=f'<div class="{name}"></div>\n',
        css=(folder / f"{name}.css").read_text(encoding="utf-8"),
        js="\n".join(_code(folder, part) for part in parts),
    )


def _code(folder: Path, part: str) -> str:
    own = folder / f"{part}.js"
    return (own if own.exists() else _SHARED / own.name).read_text(encoding="utf-8")
