"""The landing page: cards of networks with links into the app. Imports no torch: this page comes before it is loaded.

All cards of a kind are one element of the page. Of Streamlit's own elements a card takes ten, and thirty people
who open a page of twenty cards at once would wait for six thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.ui.home import sketch
from cnnviz.ui.shared.component import in_browser
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
    link,
)

_component = in_browser(Path(__file__).parent / "cards", ["cards"])


@dataclass(frozen=True)
class Link:
    """A way to ``page`` with the page's own query ``parameters``."""

    label: str
    page: Page
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Card:
    """What a card shows, from top to bottom; ``picture`` is HTML, the other texts are plain.

    ``name`` is unique among the cards of a call; a ``heading`` may be a link itself.
    """

    name: str
    heading: Link | str
    about: str
    small: Sequence[str] = ()
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
    """Trained networks, each with a picture of its idea and all the ways into it."""
    dark, described = is_dark(), _("Diagram of the main idea")
    _show(
        [
            Card(
                name=network.key,
                heading=network.title,
                picture=sketch.picture(network.family, described, dark),
                about=str(network.idea),
                small=_small(network),
                links=_ways(network),
            )
            for network in networks
        ],
        key="trained",
    )


def short_cards(networks: Sequence[Architecture]) -> None:
    """Networks, each with its idea and the way to its shapes."""
    _show(
        [
            Card(
                name=network.key,
                heading=Link(network.title, ARCHITECTURE, {"model": network.key}),
                about=str(network.idea),
                small=_small(network),
            )
            for network in networks
        ],
        key="others",
    )


def names(blocks: Sequence[Architecture]) -> None:
    """Only the ways to their shapes."""
    with st.container(horizontal=True, gap="small"):
        for block in blocks:
            link(ARCHITECTURE, block.title, model=block.key)


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


def _small(network: Architecture) -> list[str]:
    """Its paper and its sizes."""
    return [str(network.paper), _facts(network)]


def _facts(architecture: Architecture) -> str:
    channels, height, width = architecture.input_shape
    size = _("Input {channels} x {height} x {width}", channels=channels, height=height, width=width)
    if architecture.classes is None:
        return size
    return size + " · " + _("{classes} classes", classes=architecture.classes)


def _show(cards: Sequence[Card], *, key: str) -> None:
    """All ``cards``, as many in a row as there is room for; a click on a link opens its page."""
    shown = _component(
        data={"cards": [_described(card) for card in cards]}, key=key, on_followed_change=_nothing
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
        "small": [*card.small],
        "links": links,
    }


def _described_link(name: str, way: Link) -> dict[str, str]:
    icon = way.page.icon.removeprefix(":material/").removesuffix(":")
    return {
        "name": name,
        "label": way.label,
        "icon": icon,
        "address": address(way.page, **way.parameters),
    }
