"""The views of a page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.link_state import choose_segment

P = ParamSpec("P")


@dataclass(frozen=True)
class View(Generic[P]):
    """One way to look at what a page is about: its title, and what draws it."""

    title: Message
    show: Callable[P, None]


V = TypeVar("V", bound=View[...])


def choose_view(views: Mapping[str, V], default: str | None = None, **look: Any) -> V:
    """The view that the link names, else the ``default``, else the first; ``look`` are the widget's own settings."""
    chosen = choose_segment(
        _("View"),
        list(views),
        key="view",
        kind=Message("view"),
        title=lambda key: str(views[key].title),
        default=default,
        **{"label_visibility": "collapsed", **look},
    )
    return views[chosen]
