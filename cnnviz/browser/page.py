"""A network with its weights as one HTML file: it works from a disk or an e-mail, without a server and offline."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnviz.browser import script, words
from cnnviz.datasets.registry import Shows
from cnnviz.drawing.scenes import SCENES
from cnnviz.drawing.strokes import example_points
from cnnviz.language import LANGUAGES, Message
from cnnviz.plots import palette

IMAGE_CHANNELS = (1, 3)
"""Those of an input that is an image: grey, or red, green and blue."""

_INTRODUCTIONS: Mapping[Shows, Message] = {
    "digits": Message(
        "Draw a digit from 0 to 9: the network reads it while you draw. Everything happens in this page; "
        "nothing is sent anywhere."
    ),
    "clothing": Message(
        "Show the network a piece of clothing: choose a picture, drop it here, paste it, or use the camera. Everything "
        "happens in this page; nothing is sent anywhere."
    ),
    "pictures": Message(
        "Show the network a picture: choose one, drop it here, paste it, or use the camera. Everything happens in this "
        "page; nothing is sent anywhere."
    ),
}
_WORDS: Mapping[str, Message] = {
    "canvas": Message("Drawing canvas. Without a mouse or a finger, use the examples below."),
    "clear": Message("Clear"),
    "choose": Message("Choose a picture"),
    "photo": Message("Your picture"),
    "unreadable": Message("The browser cannot read {name} as a picture. Use a PNG or JPEG file."),
    "notFound": Message("No digit found in this picture. Move closer, use more light, or use a thicker pen."),
    "example": Message("Example: {digit}"),
    "scene": Message("Example: {title}"),
    "gets": Message("Network input"),
    "says": Message("Prediction"),
    "nothing": Message("The canvas is empty."),
}
_OF_PICTURES: Mapping[str, Message] = {
    "nothing": Message("No picture yet."),
    "drawFirst": Message("Choose a picture, and the numbers appear here."),
}
"""In the place of others where nothing is drawn."""
_SHORT = 2  # letters of a label that has room at full size


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

    ``network`` is the file that :func:`cnnviz.browser.packing.packed` makes. ``reads`` is what the images show that it
    learned: digits are drawn or photographed, anything else comes from a file or the camera. ``classes`` are their names
    by language. On ``digits`` the page counts how many the network recognises.
    """

    title: str
    checkpoint: str
    network: bytes
    classes: Mapping[str, Sequence[str]]
    reads: Shows
    digits: Digits | None = None


def page(content: Content) -> str:
    """The text of the file."""
    environment = Environment(
        loader=FileSystemLoader(script.FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    draws = content.reads == "digits"
    said = {
        **words.PICTURE,
        **words.CAMERA,
        **_WORDS,
        "introduction": _INTRODUCTIONS[content.reads],
        **({} if draws else _OF_PICTURES),
    }
    told = {
        "network": base64.b64encode(content.network).decode(),
        "classes": content.classes,
        "reads": content.reads,
        "examples": example_points() if draws else {},
        "scenes": _scenes(content.reads),
        "digits": content.digits
        and {"count": content.digits.count, "content": base64.b64encode(content.digits.content).decode()},
        "words": {code: words.in_language(code, said) for code in LANGUAGES},
        "kinds": {code: words.kinds(code) for code in LANGUAGES},
        "scales": {
            "light": palette.rgb(palette.DIVERGING_LIGHT),
            "dark": palette.rgb(palette.DIVERGING_DARK),
        },
    }
    return environment.get_template("page.html.jinja").render(
        title=escape(content.title),
        checkpoint=escape(content.checkpoint),
        draws=draws,
        reads=content.reads,
        named=any(len(name) > _SHORT for names in content.classes.values() for name in names),
        style="".join((script.FOLDER / name).read_text("utf-8") for name in ("page.css", "picture.css")),
        content=script.literal(told),
        shared=_code(script.SHARED),
        worker=script.literal(_code(name for name in script.COMPUTING if name not in script.SHARED)),
        code=_code(name for name in (*script.SHOWING, "sight", "page") if name not in script.SHARED),
    )


def _scenes(shown: Shows) -> list[dict[str, Any]]:
    """The pictures that the page brings along, each with its title by language."""
    scenes = SCENES[shown]
    titles = {code: words.in_language(code, {name: Message(name) for name in scenes}) for code in LANGUAGES}
    return [
        {"titles": {code: titles[code][name] for code in LANGUAGES}, "shapes": shapes}
        for name, shapes in scenes.items()
    ]


def _code(names: Iterable[str]) -> str:
    return script.without_margins(script.joined(tuple(names)))
