"""Colours that mean the same in every table, graph and plot.

The kinds of operation take Paul Tol's qualitative scheme "muted", made for colour-blind readers
(SRON/EPS/TN/09-002, issue 3.2, figure 3), lightened for the dark theme; each kind has a letter and a
marker as well, so that it can be told apart without colour. The scales are Tol's diverging "BuRd"
(same note, figure 11) and cividis (Nuñez et al. 2018, PLoS ONE 13(7), made for colour-blind readers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from types import MappingProxyType

from cnnviz.language import Message


@dataclass(frozen=True)
class KindStyle:
    """How one kind of operation looks.

    ``light`` and ``dark`` are the colours (``#rrggbb``) in the two themes, ``letter`` is one capital,
    ``symbol`` a plotly marker, ``title`` the kind's name for a legend.
    """

    light: str
    dark: str
    letter: str
    symbol: str
    title: Message

    def colour(self, dark: bool) -> str:
        """The colour in the dark or in the light theme."""
        return self.dark if dark else self.light


KINDS: Mapping[str, KindStyle] = MappingProxyType(
    {
        "convolution": KindStyle("#332288", "#8f80e8", "C", "square", Message("Convolution")),
        "pooling": KindStyle("#88ccee", "#88ccee", "P", "triangle-down", Message("Pooling")),
        "normalisation": KindStyle("#ddcc77", "#ddcc77", "N", "hourglass", Message("Normalisation")),
        "activation": KindStyle("#cc6677", "#ee8899", "A", "circle", Message("Activation function")),
        "dropout": KindStyle("#999933", "#b9b94e", "D", "x", Message("Dropout")),
        "merge": KindStyle("#aa4499", "#d07ac2", "M", "cross", Message("Merge")),
        "reshape": KindStyle("#44aa99", "#5fc9b7", "R", "diamond", Message("Reshape")),
        "linear": KindStyle("#117733", "#4fb477", "L", "star", Message("Linear")),
        "other": KindStyle("#bbbbbb", "#8d93a3", "O", "circle-open", Message("Other")),
    }
)

# Figures are drawn on the page's own background, so the middle of a diverging scale is the colour
# that is nearest to it: zero looks like nothing.
DIVERGING_LIGHT = (
    "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b",
)  # fmt: skip
DIVERGING_DARK = (
    "#7cc0ff", "#549fdf", "#3579b4", "#25557f", "#1b1e28", "#7d3f34", "#b25545", "#e07660", "#ffa48f",
)  # fmt: skip
SEQUENTIAL = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
    "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip
INK = ("#000000", "#ffffff")
"""White ink on black, as MNIST digits are."""


def kind(name: str) -> KindStyle:
    """The style of the kind ``name``; that of ``other`` for a name that is new."""
    return KINDS.get(name, KINDS["other"])


@cache
def table_style(dark: bool = False) -> str:
    """The style sheet of tables of operations, the kinds in the colours of a theme.

    An element of the class ``cnnviz-kind-<kind>`` has the kind's colour in ``--cnnviz-kind``, and what can be
    read on it in ``--cnnviz-on-kind``.
    """
    kinds = "".join(
        f".cnnviz-kind-{name}{{--cnnviz-kind:{style.colour(dark)};--cnnviz-on-kind:{text_on(style.colour(dark))}}}\n"
        for name, style in KINDS.items()
    )
    return (Path(__file__).parent / "table.css").read_text(encoding="utf-8") + kinds


def kind_class(name: str | None) -> str:
    """The class of an element in the colour of a kind, as :func:`table_style` defines it; none without a kind."""
    return "" if name is None else f"cnnviz-kind-{name if name in KINDS else 'other'}"


def chip(name: str | None) -> str:
    """A coloured letter for a kind of operation, its name; an empty space of the same width for None."""
    if name is None:
        return '<span class="cnnviz-chip"></span>'
    style = kind(name)
    return (
        f'<span class="cnnviz-chip {kind_class(name)}" title="{escape(str(style.title))}">'
        f"{style.letter}</span>"
    )


def legend(names: Iterable[str]) -> str:
    """What the coloured letters of a table mean."""
    entries = "".join(f"<span>{chip(name)} {escape(str(kind(name).title))}</span>" for name in names)
    return f'<div class="cnnviz-legend">{entries}</div>'


def scale(colours: tuple[str, ...]) -> list[list[float | str]]:
    """``colours`` as a plotly colour scale: pairs of a position from 0 to 1 and a colour."""
    return [[index / (len(colours) - 1), colour] for index, colour in enumerate(colours)]


def rgb(colours: tuple[str, ...]) -> list[list[int]]:
    """``colours`` (``#rrggbb``) as red, green and blue from 0 to 255, for what the browser paints."""
    return [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]


def diverging(dark: bool = False) -> list[list[float | str]]:
    """Plotly colour scale for signed values; set ``zmid=0``, so that zero is the middle colour."""
    return scale(DIVERGING_DARK if dark else DIVERGING_LIGHT)


def sequential() -> list[list[float | str]]:
    """Plotly colour scale for values from small (dark) to large (light), in both themes."""
    return scale(SEQUENTIAL)


def text_on(colour: str) -> str:
    """Black or white, whichever is easier to read on ``colour`` (``#rrggbb``).

    The relative luminance is that of WCAG 2.2.
    """
    luminance = relative_luminance(colour)
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def relative_luminance(colour: str) -> float:
    """Relative luminance of ``colour`` (``#rrggbb``) from 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
