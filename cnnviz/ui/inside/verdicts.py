"""What networks say about a picture: one card per network, or the likeliest classes beside the image."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.errors import CnnvizError
from cnnviz.interpret.inputs import Pixels
from cnnviz.interpret.networks import OWN
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.inside import example
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import cached, markup
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.words import caption

_MOST_BARS = 10
_DIGITS_WIDTH = 171  # two side by side on a phone of 390 pixels
_WORDS_WIDTH = 260  # names of classes leave too little room for bars in the narrow card
UNREAD = "–"


@dataclass(frozen=True, eq=False)
class Reading:
    """One network's answer: ``probabilities`` (classes,) from 0 to 1, and how many ``seconds`` it took."""

    probabilities: NDArray[np.float32]
    seconds: float


def read(weights: Weights, pixels: Pixels) -> Reading:
    """Ask one network about a picture (C, H, W) uint8.

    Raises:
        CnnvizError: the network cannot be loaded, or gives no score for each class.
    """
    from cnnviz.interpret.answers import answer

    x = weights.image_key(pixels).tensor()
    cached.make_ready(weights.key)
    begin = time.perf_counter()
    probabilities = cached.computed(weights.key, answer, x, len(weights.classes))
    return Reading(probabilities, time.perf_counter() - begin)


def probabilities(weights: Weights, image: Example) -> NDArray[np.float32]:
    """The probability of each class, (classes,) from 0 to 1.

    Raises:
        CnnvizError: the network does not end in one score for each class.
    """
    from cnnviz.interpret.answers import probabilities as of_maps

    maps = cached.feature_maps(weights.key, weights.image_key(image.pixels))
    return of_maps(maps[-1], len(weights.classes))


def show(shown: Sequence[Weights], image: Example) -> None:
    """The image, and what each of ``shown`` says about it."""
    with st.container(horizontal=True, gap="medium", key="together-reading"):
        example.show(image)
        if image.dataset is None or shown[0].key[0] == OWN:
            _what_it_gets(shown[0], image)
        for weights in shown:
            with st.container(width=240, border=True):
                _verdict(weights, image) if weights.classes else _without_classes(weights)
        trained_on = shown[0].dataset if shown[0].trained and shown[0].recipe else None
        if trained_on and image.dataset and (seen := datasets.overlap(trained_on, image.dataset)):
            with st.container(width=260):
                caption(str(seen))


def _what_it_gets(weights: Weights, image: Example) -> None:
    """A picture as the network gets it, if that differs in size or channels."""
    seen = weights.image_key(image.pixels).seen()
    if seen.shape == image.pixels.shape:
        return
    title = _("Network input: {shape}", shape=shape_text(seen.shape))
    channels = len(seen)
    if channels in (1, 3):
        example.show(Example(seen, title))
        return
    with st.container(width="content", gap="small"):
        example.show(Example(seen[:1], title))
        caption(_("Each of the {channels} channels is this picture in grey.", channels=channels))


def _without_classes(weights: Weights) -> None:
    output = weights.trace.output
    shape = "" if output is None else shape_text(output.output_shape)
    told = _("{title} gives {shape} values, no score for each class.", title=weights.title, shape=shape)
    caption(plain(told))


def _verdict(weights: Weights, image: Example) -> None:
    values = probabilities(weights, image)
    classes, label = weights.classes, image.label_for(weights)
    best = np.argsort(-values, kind="stable")
    found = classes[int(best[0])]
    if label is None:
        text = _("{title} predicts {label}", title=weights.title, label=found)
    else:
        mark = _("correct") if best[0] == label else _("wrong")
        text = _("{title} predicts {label}: {right}", title=weights.title, label=found, right=mark)
    caption(plain(text))
    places = range(len(classes)) if len(classes) <= _MOST_BARS else best[:_MOST_BARS].tolist()
    st.html(markup.bars([classes[place] for place in places], [float(values[place]) for place in places]))


def cards(pixels: Pixels | None, chosen: Sequence[Weights]) -> list[str]:
    """A card for each network; one that cannot be used says why, without stopping the others.

    Returns:
        the names of the classes that they say, :data:`UNREAD` for a network that says none.
    """
    labels = []
    with st.container(horizontal=True):
        for weights in chosen:
            label = UNREAD
            with st.container(border=True, width=_width(weights)), explained():
                caption(plain(weights.title))
                label = _card(pixels, weights)
            labels.append(label)
    return labels


def caution() -> None:
    """What a percentage means, and what it does not."""
    caption(
        _(
            "A network always chooses one of its classes, whatever you show it: a dot, a scribble, "
            "two digits. Softmax makes the percentages add up to 100, so even a high one can be "
            "wrong."
        )
    )


def summary(labels: Sequence[str]) -> tuple[str, str]:
    """What most networks say, and what the others say, if any."""
    said = Counter(label for label in labels if label != UNREAD)
    if not said:
        return UNREAD, ""
    (label, count), *others = said.most_common()
    if len(labels) == 1:
        return _("Prediction: {label}", label=label), ""
    if count == len(labels):
        return _("All {count} networks: {label}", count=count, label=label), ""
    text = _("{count} of {all} networks: {label}", count=count, all=len(labels), label=label)
    rest = ", ".join(other for other, _count in others)
    return text, _("Others: {labels}", labels=rest) if rest else ""


def warm_up(chosen: Sequence[Weights]) -> None:
    """Load the networks and run each once before the first stroke, so that the first verdict is quick."""
    for weights in chosen:
        with suppress(CnnvizError):  # said where the verdict would stand
            read(weights, np.zeros(weights.input_shape, np.uint8))


def _width(weights: Weights) -> int:
    return _WORDS_WIDTH if max(map(len, weights.classes)) > 2 else _DIGITS_WIDTH


def _card(pixels: Pixels | None, weights: Weights) -> str:
    classes = weights.classes
    if pixels is None:
        st.html(markup.verdict(UNREAD) + markup.bars(classes, None))
        return UNREAD
    reading = read(weights, pixels)
    order = np.argsort(-reading.probabilities, kind="stable")
    label = classes[int(order[0])]
    with st.container(key=f"verdict-{weights.key[1]}"):
        st.html(markup.verdict(label))
    st.html(markup.bars(classes, reading.probabilities.tolist()) + _notes(reading, order, classes))
    return label


def _notes(reading: Reading, order: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The runner-up, and the time taken."""
    second = int(order[1]) if len(order) > 1 else int(order[0])
    lines = [
        _("Runner-up: {label}, {part:.1%}", label=classes[second], part=float(reading.probabilities[second])),
        _("Computed in {milliseconds:.1f} ms", milliseconds=reading.seconds * 1000),
    ]
    rows = "".join(f"<div>{escape(line)}</div>" for line in lines)
    return f'<div class="cnnviz-runner-up">{rows}</div>'
