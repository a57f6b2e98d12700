"""A network with its weights as one HTML file: it works from a disk or an e-mail, without a server and offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnviz.browser import script
from cnnviz.browser.plan import Plan
from cnnviz.language import LANGUAGES, Message, set_language
from cnnviz.plots import palette

Strokes = Sequence[Sequence[tuple[float, float]]]
"""The strokes of a drawing: points from 0 to 1, across and down."""

_WORDS: Mapping[str, Message] = {
    "introduction": Message(
        "Draw a digit from 0 to 9: the network reads it while you draw. Everything happens in this page; "
        "nothing is sent anywhere."
    ),
    "canvas": Message("Drawing canvas. Without a mouse or a finger, use the examples below."),
    "clear": Message("Clear"),
    "example": Message("Example: {digit}"),
    "gets": Message("Network input"),
    "says": Message("Prediction"),
    "nothing": Message("The canvas is empty."),
    "picture": Message("The network"),
    "reset": Message("Switch all maps on again"),
    "input": Message("input"),
    "vector": Message("a vector of values"),
    "map": Message("{name}, map {channel}"),
    "more": Message("{count} more"),
    "fewer": Message("fewer"),
    "point": Message("Point at a map to see what it is made of; click it to unfold it."),
    "kernel": Message("kernel {kernel}"),
    "range": Message("from {low} to {high}, mean {mean}"),
    "made": Message("How map {channel} of {name} is made"),
    "from": Message("map {number}"),
    "sum": Message(
        "The sum of all {count} input maps, each convolved with its kernel, plus the bias {bias}."
    ),
    "strongest": Message("Shown: the strongest {count} of {all}."),
    "off": Message("Switch this map off"),
    "on": Message("Switch this map on"),
    "close": Message("Close"),
}


@dataclass(frozen=True)
class Content:
    """What a page shows.

    ``weights`` are the bytes of a safetensors file with the tensors that ``plan`` names; ``mean`` and ``deviation``
    normalise values from 0 to 1. ``examples`` are drawings by the digit that they show.
    """

    title: str
    checkpoint: str
    plan: Plan
    weights: bytes
    classes: Sequence[str]
    mean: float
    deviation: float
    examples: Mapping[str, Strokes]


def page(content: Content) -> str:
    """The text of the file."""
    environment = Environment(
        loader=FileSystemLoader(script.FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    told = {
        "plan": content.plan,
        "weights": base64.b64encode(content.weights).decode(),
        "classes": list(content.classes),
        "mean": content.mean,
        "deviation": content.deviation,
        "examples": content.examples,
        "words": {code: _in(code, _WORDS) for code in LANGUAGES},
        "kinds": {name: _kind(name) for name in palette.KINDS},
        "scales": {
            "light": [_rgb(colour) for colour in palette.DIVERGING_LIGHT],
            "dark": [_rgb(colour) for colour in palette.DIVERGING_DARK],
        },
    }
    return environment.get_template("page.html.jinja").render(
        title=_escaped(content.title),
        checkpoint=_escaped(content.checkpoint),
        style=(script.FOLDER / "page.css").read_text("utf-8"),
        content=script.literal(told),
        worker=script.literal(script.joined(script.COMPUTING)),
        code=script.joined([*script.SHOWING, "page"]),
    )


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


def _in(code: str, words: Mapping[str, Message]) -> dict[str, str]:
    """The sentences in a language; ``{names}`` in them stay, for the page to fill in."""

    def written() -> dict[str, str]:
        set_language(code)
        return {name: str(message) for name, message in words.items()}

    return copy_context().run(written)


def _kind(name: str) -> dict[str, Any]:
    style = palette.kind(name)
    titles = {code: _in(code, {"title": style.title})["title"] for code in LANGUAGES}
    return {"light": style.light, "dark": style.dark, "letter": style.letter, "title": titles}


def _rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
