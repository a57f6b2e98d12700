"""What networks say about an image: the likeliest classes as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.inside import example
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import cached, markup
from cnnviz.ui.shared.show import plain

_MOST_BARS = 10


def show(shown: Sequence[Weights], image: Example) -> None:
    """The image, and what each of ``shown`` says about it."""
    with st.container(horizontal=True, gap="medium"):
        example.show(image)
        if image.dataset is None:
            _what_it_gets(shown[0], image)
        for weights in shown:
            with st.container(width=240, border=True):
                _verdict(weights, image)
        trained_on = shown[0].dataset if shown[0].trained else None
        if trained_on and image.dataset and (seen := datasets.overlap(trained_on, image.dataset)):
            with st.container(width=260):
                st.caption(str(seen))


def _what_it_gets(weights: Weights, image: Example) -> None:
    """A person's own picture in the network's size and channels, where it has others itself."""
    seen = weights.image_key(image.pixels).seen()
    if seen.shape != image.pixels.shape:
        title = _("What the network gets: {shape}", shape=shape_text(seen.shape))
        example.show(Example(seen, title))


def probabilities(weights: Weights, image: Example) -> NDArray[np.float32]:
    """The probability of each class, (classes,) from 0 to 1.

    Raises:
        CnnvizError: the network does not end in one score for each class.
    """
    from cnnviz.interpret.answers import probabilities as of_maps

    maps = cached.feature_maps(weights.key, weights.image_key(image.pixels))
    return of_maps(maps[-1], len(weights.classes))


def _verdict(weights: Weights, image: Example) -> None:
    values = probabilities(weights, image)
    classes, label = weights.classes, image.label_for(weights)
    best = np.argsort(-values, kind="stable")
    found = classes[int(best[0])]
    if label is None:
        text = _("{title} reads {label}", title=weights.title, label=found)
    else:
        mark = _("right") if best[0] == label else _("wrong")
        text = _("{title} reads {label}: {right}", title=weights.title, label=found, right=mark)
    st.caption(plain(text))
    places = range(len(classes)) if len(classes) <= _MOST_BARS else best[:_MOST_BARS].tolist()
    st.html(markup.bars([classes[place] for place in places], [float(values[place]) for place in places]))
