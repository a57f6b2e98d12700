"""What Streamlit does not have: the style sheet, small pieces of HTML (what goes into them is escaped), JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st

from cnnviz.browser import script
from cnnviz.plots import palette

if TYPE_CHECKING:
    from streamlit.components.v2.bidi_component import BidiComponentResult

Component = Callable[..., "BidiComponentResult"]
"""Shows ``data`` (what JSON can hold, or bytes) in a component; the other arguments are Streamlit's."""

_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_SHORT = 2  # letters of a label that has room at full size


@dataclass(frozen=True)
class StyleSheet:
    """HTML that ``st.html`` takes as it is: a string it would search for indentation at every rerun (0.3 ms)."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


@cache
def style_sheet(dark: bool, **colours: str) -> StyleSheet:
    """The style sheet of every page: of tables (:func:`palette.table_style`) and ``style.css``.

    ``colours`` (``#rrggbb``) are the theme's: ``accent`` for what stands out, ``link`` for text, ``page`` behind it.
    """
    own = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    known = "".join(f"--cnnviz-{name}:{colour};" for name, colour in colours.items())
    rules = f"{palette.table_style(dark)}:root{{{known}}}\n{own}"
    # Streamlit searches it at every rerun: what need not be there costs time.
    return StyleSheet(f"<style>{' '.join(_COMMENT.sub('', rules).split())}</style>")


def verdict(label: str) -> str:
    """A class's label, large enough for the last row; a name of several letters as large as a card has room for."""
    size = "" if len(label) <= _SHORT else " cnnviz-verdict-long"
    return f'<div class="cnnviz-verdict{size}">{escape(label)}</div>'


def bars(labels: Sequence[str], probabilities: Sequence[float] | None) -> str:
    """A bar for each class, the likeliest in the accent colour; empty ones without ``probabilities`` (0..1)."""
    values = [0.0] * len(labels) if probabilities is None else list(probabilities)
    best = None if probabilities is None else values.index(max(values))
    rows = "".join(
        _bar(label, value, index == best, probabilities is not None)
        for index, (label, value) in enumerate(zip(labels, values, strict=True))
    )
    return f'<div class="cnnviz-bars">{rows}</div>'


def _bar(label: str, value: float, best: bool, known: bool) -> str:
    text, bar = (' class="cnnviz-best"', " cnnviz-bar-best") if best else ("", "")
    return (
        f"<span{text}>{escape(label)}</span>"
        f'<span class="cnnviz-track"><span class="cnnviz-bar{bar}" style="--cnnviz-part:{value:.2%}"></span></span>'
        f"<span{text}>{f'{value:.1%}' if known else ''}</span>"
    )


_SHARED = Path(__file__).parent


def in_browser(
    folder: Path,
    parts: Sequence[str],
    constants: Mapping[str, Any] = MappingProxyType({}),
    isolated: bool = True,
    styles: Sequence[str] = (),
) -> Component:
    """The component whose style is the CSS file in ``folder`` that is called like it, after ``styles`` that stand here.

    Its code is the files ``parts``, one after the other, named without ``.js``: those of ``folder``, those that stand
    beside this module, or those of :mod:`cnnviz.browser`. They find ``constants`` by name. It draws into an element
    whose class is the folder's name; where that is not ``isolated``, the page's style sheet goes for it, too.
    """
    name = folder.name
    sheets = [*(_SHARED / f"{style}.css" for style in styles), folder / f"{name}.css"]
    known = "".join(f"const {constant} = {script.literal(value)};\n" for constant, value in constants.items())
    code = "\n".join(_code(folder, part) for part in parts)
    given = st.components.v2.component(
        f"cnnviz_{name}",
        html=f'<div class="{name}"></div>\n',
        css="".join(path.read_text(encoding="utf-8") for path in sheets),
        js=known + code.replace("export default function", "function component", 1) + _UNPACKED,
        isolate_styles=isolated,
    )

    def component(*, data: Mapping[str, Any] | bytes | None = None, **options: Any) -> BidiComponentResult:
        return given(data=data if isinstance(data, bytes) else [data], **options)

    return component


_UNPACKED = """
export default (given) => component({ ...given, data: Array.isArray(given.data) ? given.data[0] : given.data });
"""
"""Streamlit imports pandas to look for tables among the values of a dictionary, and looks at each rerun again: not within
a list, which the browser unpacks. Bytes go as they are.
"""


def _code(folder: Path, part: str) -> str:
    own = next((path for path in (folder / f"{part}.js", _SHARED / f"{part}.js") if path.exists()), None)
    return script.joined([part]) if own is None else own.read_text(encoding="utf-8")
