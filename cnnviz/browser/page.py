"""A network with its weights as one HTML file: it works from a disk or an e-mail, without a server and offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnviz.browser import script, words
from cnnviz.browser.plan import Plan
from cnnviz.language import LANGUAGES, Message
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
}


@dataclass(frozen=True)
class Digits:
    """Test digits: ``count`` of them; ``content`` are their pixels (count x 784 bytes, 255 is ink) and behind them their
    labels (a byte each), compressed by zlib.
    """

    count: int
    content: bytes


@dataclass(frozen=True)
class Content:
    """What a page shows.

    ``weights`` are the bytes of a safetensors file with the tensors that ``plan`` names; ``mean`` and ``deviation``
    normalise values from 0 to 1. ``examples`` are drawings by the digit that they show; on ``digits`` the page counts
    how many the network recognises.
    """

    title: str
    checkpoint: str
    plan: Plan
    weights: bytes
    classes: Sequence[str]
    mean: float
    deviation: float
    examples: Mapping[str, Strokes]
    digits: Digits | None = None


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
        "digits": content.digits
        and {"count": content.digits.count, "content": base64.b64encode(content.digits.content).decode()},
        "words": {code: words.in_language(code, {**words.PICTURE, **_WORDS}) for code in LANGUAGES},
        "kinds": {code: words.kinds(code) for code in LANGUAGES},
        "scales": {
            "light": palette.rgb(palette.DIVERGING_LIGHT),
            "dark": palette.rgb(palette.DIVERGING_DARK),
        },
    }
    return environment.get_template("page.html.jinja").render(
        title=escape(content.title),
        checkpoint=escape(content.checkpoint),
        style="".join((script.FOLDER / name).read_text("utf-8") for name in ("page.css", "picture.css")),
        content=script.literal(told),
        worker=script.literal(script.without_margins(script.joined(script.COMPUTING))),
        code=script.without_margins(script.joined([*script.SHOWING, "page"])),
    )
