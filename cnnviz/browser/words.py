"""The sentences of the living picture, and how kinds of operations look in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context

from cnnviz.language import Message, set_language
from cnnviz.plots import palette

PICTURE: Mapping[str, Message] = {
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
    "changeSheet": Message(
        "Press on a weight and drag up or down. With the keyboard the arrow keys choose a weight, + and - change it."
    ),
    "weightsOf": Message("Weights for input channel {number}"),
    "weightIs": Message("Weight in row {row}, column {column}: {value}"),
    "kernelOf": Message("Kernel for input channel {number}"),
    "weight": Message("Weight in row {row}, column {column}"),
    "count": Message("Accuracy on {count} test digits"),
    "counting": Message("Counting correct digits"),
    "cancel": Message("Cancel"),
    "accuracy": Message("{now} % correct ({correct} of {all}); the trained network: {trained} %"),
}
CAMERA: Mapping[str, Message] = {
    "camera": Message("Live camera"),
    "stopCamera": Message("Stop the camera"),
    "noCamera": Message("The camera cannot be used: {reason}"),
}
IN_THE_APP: Mapping[str, Message] = {
    "loading": Message("The network is on its way."),
    "loadingMoments": Message("The snapshots are on their way."),
    "failed": Message("The network could not be fetched: {reason}"),
    "moment": Message("Training step"),
    "play": Message("Play the training"),
    **CAMERA,
}
"""Besides, where the server sends the network."""


def in_language(code: str, words: Mapping[str, Message | str]) -> dict[str, str]:
    """The sentences in a language; ``{names}`` in them stay, for the browser to fill in."""

    def written() -> dict[str, str]:
        set_language(code)
        return {name: str(message) for name, message in words.items()}

    return copy_context().run(written)


def kinds(code: str) -> dict[str, dict[str, str]]:
    """How each kind of operation looks: its colour in the ``light`` and the ``dark`` theme, its letter, its title."""
    titles = in_language(code, {name: style.title for name, style in palette.KINDS.items()})
    return {
        name: {"light": style.light, "dark": style.dark, "letter": style.letter, "title": titles[name]}
        for name, style in palette.KINDS.items()
    }
