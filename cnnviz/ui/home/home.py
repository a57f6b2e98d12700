"""The landing page: cards of networks, with a sketch of their idea and links into the app.

It imports no torch, as it comes before that is loaded.

All cards of a kind are one element of the page. Of Streamlit's own elements a card takes ten, and thirty people
who open a page of twenty cards at once would wait for six thousand.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.plots.palette import legend
from cnnviz.settings import settings
from cnnviz.ui.shared.frame import (
    ARCHITECTURE,
    DRAW,
    EVALUATE,
    FILTERS,
    TRAIN,
    Page,
    address,
    follow,
    is_dark,
)
from cnnviz.ui.shared.markup import in_browser

Look = Literal["cards", "rows", "chips"]
_component = in_browser(Path(__file__).parent / "cards", ["cards"])
_SIDE, _COLUMN, _ROW = 24, 46, 30
_LINE = "#8d93a3"


@dataclass(frozen=True)
class Sketch:
    """Columns of kinds of operation, from left to right; what stands in one column runs side by side.

    ``skips`` are pairs of columns (from, to) that an extra line connects.
    """

    columns: tuple[tuple[str, ...], ...]
    skips: tuple[tuple[int, int], ...] = ()


SKETCHES: Mapping[str, Sketch] = {
    "MLP": Sketch((("reshape",), ("linear",), ("activation",), ("linear",), ("activation",), ("linear",))),
    "LeNet": Sketch((("convolution",), ("pooling",), ("convolution",), ("pooling",), ("linear",))),
    "Inception": Sketch(
        (
            ("convolution",),
            ("convolution", "convolution", "convolution", "pooling"),
            ("merge",),
            ("linear",),
        )
    ),
    "ResNet": Sketch(
        (("convolution",), ("convolution",), ("activation",), ("convolution",), ("merge",), ("linear",)),
        skips=((0, 4),),
    ),
    "AlexNet": Sketch(
        (("convolution",), ("pooling",), ("convolution",), ("pooling",), ("linear",), ("linear",))
    ),
    "VGG": Sketch(
        (("convolution",), ("convolution",), ("pooling",), ("convolution",), ("convolution",), ("linear",))
    ),
    "NiN": Sketch((("convolution",), ("convolution",), ("convolution",), ("pooling",))),
    "DenseNet": Sketch(
        (("convolution",), ("merge",), ("convolution",), ("merge",), ("pooling",), ("linear",)),
        skips=((0, 3),),
    ),
}


@dataclass(frozen=True)
class Link:
    """A way to ``page`` with the page's own query ``parameters``, whose ``icon``, a Material symbol, is by default the page's."""

    label: str
    page: Page
    parameters: Mapping[str, str] = field(default_factory=dict)
    icon: str = ""


@dataclass(frozen=True)
class Card:
    """What a card shows, from top to bottom; ``picture`` is HTML, the other texts are plain. A chip shows its heading alone.

    ``name`` is unique among the cards of a call; a ``heading`` may be a link itself.
    """

    name: str
    heading: Link | str
    about: str = ""
    picture: str = ""
    links: Sequence[Link] = ()

    def all_links(self) -> Iterator[tuple[str, Link]]:
        """Every link with a name of its own."""
        links = [self.heading, *self.links] if isinstance(self.heading, Link) else self.links
        yield from ((f"{self.name}/{number}", link) for number, link in enumerate(links))


def trained(networks: Sequence[Architecture]) -> list[Architecture]:
    """Those whose trained weights come with cnnviz."""
    folder = settings().checkpoints_dir
    return [network for network in networks if (folder / f"{_checkpoint(network)}.json").is_file()]


def cards(networks: Sequence[Architecture]) -> None:
    """Trained networks, each with a picture of its idea and all the ways into it; and what its letters mean."""
    families = {network.family for network in networks}
    drawn = {kind for family in families for column in _sketch(family).columns for kind in column}
    st.html(legend(kind for kind in palette.KINDS if kind in drawn))
    dark, described = is_dark(), _("Diagram of the main idea")
    show(
        [
            Card(
                name=network.key,
                heading=network.title,
                picture=picture(network.family, described, dark),
                about=_first_sentence(str(network.idea)),
                links=_ways(network),
            )
            for network in networks
        ],
        key="trained",
    )


def names(architectures: Sequence[Architecture], key: str) -> None:
    """Only the ways to their shapes; what each is about is told by the mouse."""
    show(
        [
            Card(one.key, Link(one.title, ARCHITECTURE, {"model": one.key}), str(one.idea))
            for one in architectures
        ],
        key=key,
        look="chips",
    )


def _first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence: the Chinese one ends it wherever it stands."""
    found = re.match(r".*?(?:。|\.(?=\s|$))", text, re.DOTALL)
    return text if found is None else found.group()


def _ways(network: Architecture) -> list[Link]:
    weights = {"checkpoint": _checkpoint(network)}
    if network.dataset == "mnist":
        last = Link(_("Try it out"), DRAW, weights)
    else:
        last = Link(_("Evaluate"), EVALUATE, weights)
    return [
        Link(_("Shapes explained"), ARCHITECTURE, {"model": network.key}),
        Link(_("Train it"), TRAIN, {"model": network.key}),
        Link(_("Filters"), FILTERS, weights),
        last,
    ]


def _checkpoint(architecture: Architecture) -> str:
    return f"{architecture.key}-{architecture.dataset}"


def show(cards: Sequence[Card], *, key: str, look: Look = "cards") -> None:
    """All ``cards``, beside each other, as rows of a list, or as chips; a click on a link opens its page."""
    shown = _component(
        data={"cards": [_described(card) for card in cards], "look": look},
        key=key,
        on_followed_change=_nothing,
    )
    chosen = dict(pair for card in cards for pair in card.all_links()).get(str(shown.followed))
    if chosen is not None:
        follow(chosen.page, **chosen.parameters)


def _nothing() -> None:
    """Streamlit sends a trigger only where somebody listens; the page is opened when the click is known."""


def _described(card: Card) -> dict[str, object]:
    links = [_described_link(name, way) for name, way in card.all_links()]
    heading = links.pop(0) if isinstance(card.heading, Link) else {"label": card.heading}
    return {
        "name": card.name,
        "heading": heading,
        "picture": card.picture,
        "about": card.about,
        "links": links,
    }


def _described_link(name: str, way: Link) -> dict[str, str]:
    icon = (way.icon or way.page.icon).removeprefix(":material/").removesuffix(":")
    return {
        "name": name,
        "label": way.label,
        "icon": icon,
        "address": address(way.page, **way.parameters),
    }


def picture(family: str | None, description: str, dark: bool) -> str:
    """HTML of a family's sketch; an empty picture of the same height for a family that has none."""
    sketch = _sketch(family)
    rows = max((len(column) for known in SKETCHES.values() for column in known.columns), default=1)
    height = rows * _ROW
    width = max(len(known.columns) for known in SKETCHES.values()) * _COLUMN
    lines = "".join(_lines(sketch, height))
    nodes = "".join(
        _node(kind, _x(number), y, dark)
        for number, column in enumerate(sketch.columns)
        for kind, y in zip(column, _ys(len(column), height), strict=True)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{lines}{nodes}</svg>'
    )
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return f'<img src="{source}" alt="{escape(description)}" height="{height}">'


def _sketch(family: str | None) -> Sketch:
    return SKETCHES.get(family or "", Sketch(()))


def _x(column: int) -> float:
    return column * _COLUMN + _SIDE / 2 + 1


def _ys(count: int, height: float) -> list[float]:
    return [height / 2 + (index - (count - 1) / 2) * _ROW for index in range(count)]


def _lines(sketch: Sketch, height: float) -> list[str]:
    paths = []
    for number, (left, right) in enumerate(zip(sketch.columns, sketch.columns[1:], strict=False)):
        for start in _ys(len(left), height):
            for end in _ys(len(right), height):
                a, b = _x(number), _x(number + 1)
                middle = (a + b) / 2
                paths.append(f"M{a} {start}C{middle} {start} {middle} {end} {b} {end}")
    for first, last in sketch.skips:
        a, b, y = _x(first), _x(last), height / 2
        paths.append(f"M{a} {y}C{a + _COLUMN / 2} {y - 2 * _ROW} {b - _COLUMN / 2} {y - 2 * _ROW} {b} {y}")
    return [f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>' for path in paths]


def _node(kind: str, x: float, y: float, dark: bool) -> str:
    style = palette.kind(kind)
    colour = style.colour(dark)
    corner = _SIDE / 2
    return (
        f'<rect x="{x - corner}" y="{y - corner}" width="{_SIDE}" height="{_SIDE}" rx="5" fill="{colour}"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-family="sans-serif" font-weight="700" '
        f'font-size="14" fill="{palette.text_on(colour)}">{style.letter}</text>'
    )
