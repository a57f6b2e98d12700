"""Cards with links into the app, all of them one element of the page.

Of Streamlit's own elements a card takes ten, and thirty people who open a page of twenty cards at once would
wait for six thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnviz.ui.shared.component import in_browser
from cnnviz.ui.shared.frame import Page, address, follow

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


def show(cards: Sequence[Card], *, key: str) -> None:
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
    links = [_link(name, link) for name, link in card.all_links()]
    heading = links.pop(0) if isinstance(card.heading, Link) else {"label": card.heading}
    return {
        "name": card.name,
        "heading": heading,
        "picture": card.picture,
        "about": card.about,
        "small": [*card.small],
        "links": links,
    }


def _link(name: str, link: Link) -> dict[str, str]:
    icon = link.page.icon.removeprefix(":material/").removesuffix(":")
    return {
        "name": name,
        "label": link.label,
        "icon": icon,
        "address": address(link.page, **link.parameters),
    }
