"""Parts of a page that answer in the browser, from JavaScript files beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_UI = Path(__file__).parent


def in_browser(folder: str, parts: Sequence[str]) -> ComponentRenderer:
    """The component whose style is ``folder/folder.css``, and whose code the files ``parts`` are, one after the
    other, named without ``.js``. It draws into an element of the class ``folder``.
    """
    return st.components.v2.component(
        f"cnnviz_{folder}",
        html=f'<div class="{folder}"></div>\n',
        css=_read(f"{folder}/{folder}.css"),
        js="\n".join(_read(f"{part}.js") for part in parts),
    )


def _read(name: str) -> str:
    return (_UI / name).read_text(encoding="utf-8")
