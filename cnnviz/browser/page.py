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
    "reset": Message("Reset the network"),
    "input": Message("input"),
    "map": Message("{name}, map {channel}"),
    "unit": Message("{name}, unit {channel}"),
    "score": Message("{name}, class {title}"),
    "before": Message("{name}: previous maps"),
    "after": Message("{name}: next maps"),
    "strongestFirst": Message("Strongest maps first"),
    "shortcut": Message("shortcut"),
    "asText": Message("The network as text"),
    "reads": Message("reads {names}"),
    "point": Message("Point at a map to see what it is made of; click it to unfold it."),
    "kernel": Message("kernel {kernel}"),
    "range": Message("from {low} to {high}, mean {mean}"),
    "value": Message("value {value}"),
    "inputs": Message("Strongest inputs: {inputs}"),
    "isOff": Message("switched off"),
    "made": Message("How map {channel} of {name} is made"),
    "madeUnit": Message("How unit {channel} of {name} is computed"),
    "from": Message("map {number}"),
    "fromUnit": Message("unit {number}"),
    "sum": Message(
        "The sum of all {count} input maps, each convolved with its kernel, plus the bias {bias}."
    ),
    "strongest": Message("Shown: the strongest {count} of {all}."),
    "choose": Message("Click a value, or use the arrow keys, to see how it is computed."),
    "way": Message("The way back"),
    "drawFirst": Message("Draw something, and the numbers appear here."),
    "place": Message("Row {row}, column {column}: {value}"),
    "unitValue": Message("Value: {value}"),
    "pixel": Message("This is the image itself, normalised. Everything else is computed from it."),
    "offValue": Message("It is switched off, so the value is 0."),
    "unexplained": Message("This operation only rearranges values."),
    "sameValue": Message("The value is passed on:"),
    "window": Message("window"),
    "weights": Message("weights"),
    "products": Message("products"),
    "total": Message("sum"),
    "bias": Message("bias"),
    "others": Message("{count} others"),
    "onwards": Message("Go to {name}, map {channel}, row {row}, column {column}"),
    "onwardsUnit": Message("Go to {name}, unit {channel}"),
    "off": Message("Switch this map off"),
    "on": Message("Switch this map on"),
    "offUnit": Message("Switch this unit off"),
    "onUnit": Message("Switch this unit on"),
    "close": Message("Close"),
    "change": Message("Drag a weight up or down, or use the arrow keys: the network follows."),
    "kernelOf": Message("Kernel for input channel {number}"),
    "weight": Message("Weight in row {row}, column {column}"),
    "count": Message("Accuracy on {count} test digits"),
    "counting": Message("Counting correct digits"),
    "cancel": Message("Cancel"),
    "accuracy": Message("{now} % correct ({correct} of {all}); the trained network: {trained} %"),
}


@dataclass(frozen=True)
class Digits:
    """Test digits: ``count`` of them, their pixels (count x 784 bytes, 255 is ink) and labels (a byte each), both
    compressed by zlib.
    """

    count: int
    images: bytes
    labels: bytes


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
        "digits": None if content.digits is None else _digits(content.digits),
        "words": {code: _in(code, _WORDS) for code in LANGUAGES},
        "kinds": {name: _kind(name) for name in palette.KINDS},
        "scales": {
            "light": palette.rgb(palette.DIVERGING_LIGHT),
            "dark": palette.rgb(palette.DIVERGING_DARK),
        },
    }
    return environment.get_template("page.html.jinja").render(
        title=_escaped(content.title),
        checkpoint=_escaped(content.checkpoint),
        style="".join((script.FOLDER / name).read_text("utf-8") for name in ("page.css", "picture.css")),
        content=script.literal(told),
        worker=script.literal(script.joined(script.COMPUTING)),
        code=script.joined([*script.SHOWING, "page"]),
    )


def _digits(digits: Digits) -> dict[str, Any]:
    images, labels = (base64.b64encode(data).decode() for data in (digits.images, digits.labels))
    return {"count": digits.count, "images": images, "labels": labels}


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
