"""The parts of the Filters page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cnnviz import datasets
from cnnviz.errors import shortened
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import maps as plots
from cnnviz.shapes.op import shape_text
from cnnviz.ui import cached, markup
from cnnviz.ui.cached import ImageKey
from cnnviz.ui.choice import choose_one
from cnnviz.ui.frame import accent, is_dark
from cnnviz.ui.maps import FIGURE_WIDTH
from cnnviz.ui.number import choose_number, put_number
from cnnviz.ui.show import link_problem, plain
from cnnviz.ui.weights import Weights

if TYPE_CHECKING:
    from cnnviz.interpret.filters import Filters


ALL = "all"
"""In the choice of a class: no limit."""


@dataclass(frozen=True, eq=False)
class Example:
    """One test image: ``pixels`` (C, H, W) uint8, and the ``label`` that it has.

    It is the image ``number`` (from 1) of the ``count`` among which it was chosen: all test images, or
    those with its label where ``of_class``.
    """

    dataset: str
    pixels: NDArray[np.uint8]
    label: int
    number: int
    count: int
    of_class: bool

    def key(self, weights: Weights) -> ImageKey:
        """The image as the network of ``weights`` gets it."""
        channels, height, width = self.pixels.shape
        recipe = weights.recipe
        return self.pixels.tobytes(), (channels, height, width), recipe.mean, recipe.deviation


def filter_figures(shown: Sequence[Weights]) -> None:
    """The first convolution's filters of each of ``shown``, side by side on one colour scale."""
    found = [cached.filters(weights.key, weights.input_shape) for weights in shown]
    limit = max(filters.limit for filters in found)
    others = found[1].limit if len(found) > 1 else None
    sentence = plots.filters_sentence(found[0].limit, shown[0].checkpoint is not None, others)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        for weights, filters in zip(shown, found, strict=True):
            with st.container(width=FIGURE_WIDTH if len(shown) == 1 else FIGURE_WIDTH * 9 // 10):
                _filter_figure(weights, filters, limit)
        if len(shown) == 1:
            with st.container(width=320):
                st.write(str(sentence))
    if len(shown) > 1:
        st.write(str(sentence))


def _filter_figure(weights: Weights, filters: Filters, limit: float) -> None:
    out, channels, height, width = filters.weights.shape
    title = _(
        "{title}: {count} filters of {shape} in {layer}",
        title=weights.title,
        count=out,
        shape=shape_text((channels, height, width)),
        layer=filters.name,
    )
    figure = plots.filter_figure(filters.name, filters.weights, title, limit=limit, dark=is_dark())
    st.plotly_chart(figure, key=f"filters-{weights.key[0]}", config={"displayModeBar": False})
    st.caption(
        _(
            "Mean {mean:.3f}, standard deviation {deviation:.3f}",
            mean=filters.mean,
            deviation=filters.deviation,
        )
    )


def choose_example(weights: Weights) -> Example:
    """The digit that the link names: data set, class and number in it.

    Raises:
        CnnvizError: the data set is missing or damaged; the message says what to do.
    """
    fitting = [info.key for info in datasets.registered() if info.input_shape == weights.input_shape]
    notes = st.container()
    source, picked, number = st.columns([2, 5, 2], vertical_alignment="bottom")
    with source:
        key = choose_one(
            _("Data set"),
            fitting,
            key="dataset",
            kind=Message("The data set"),
            title=lambda key: datasets.get(key).title,
        )
    data = datasets.load(key)
    with picked:
        label = _choose_class(data.classes)
    labels = data.test_labels.numpy()
    places = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    with number:
        chosen = _choose_number(len(places), notes)
    index = int(places[chosen - 1])
    pixels = data.test_images[index].numpy()
    return Example(key, pixels, int(labels[index]), chosen, len(places), label is not None)


def verdicts(shown: Sequence[Weights], example: Example) -> None:
    """The digit, and what each of ``shown`` says about it."""
    classes = datasets.get(example.dataset).classes
    name = classes[example.label]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=200):
            st.caption(plain(_place(example, name)))
            st.html(markup.pixels(example.pixels[0], _("The digit {label}", label=name)))
        for weights in shown:
            with st.container(width=240, border=True):
                _verdict(weights, example, classes)
        seen = shown[0].checkpoint and datasets.overlap(shown[0].checkpoint.dataset, example.dataset)
        if seen:
            with st.container(width=260):
                st.caption(str(seen))


def _place(example: Example, label: str) -> str:
    if example.of_class:
        template = Message(
            "Image {number:,} of {count:,} with label {label}",
            number=example.number,
            count=example.count,
            label=label,
        )
    else:
        template = Message(
            "Image {number:,} of {count:,}, label {label}",
            number=example.number,
            count=example.count,
            label=label,
        )
    return str(template)


def _verdict(weights: Weights, example: Example, classes: Sequence[str]) -> None:
    scores = cached.feature_maps(weights.key, example.key(weights))[-1].values
    probabilities = np.exp(scores - scores.max())
    probabilities /= probabilities.sum()
    best = int(probabilities.argmax())
    right = _("right") if best == example.label else _("wrong")
    reads = _("{title} reads {label}: {right}", title=weights.title, label=classes[best], right=right)
    st.caption(plain(reads))
    st.html(markup.bars(classes, probabilities.tolist(), accent()))


def _choose_class(classes: Sequence[str]) -> int | None:
    """The class to which the choice is limited; None for all."""
    named = st.query_params.get("digit")
    if named is not None and named not in (*classes, ALL):
        link_problem(
            Message(
                "There is no class {name!r}; the classes are {known}.",
                name=shortened(named),
                known=", ".join(classes),
            )
        )
    chosen = st.pills(
        _("Class"),
        (ALL, *classes),
        default=ALL,
        format_func=lambda name: _("all") if name == ALL else name,
        required=True,
        key="digit",
        bind="query-params",
        on_change=_first_number,
    )
    return None if chosen == ALL else classes.index(chosen)


def _choose_number(count: int, notes: DeltaGenerator) -> int:
    """The number of the image among ``count``, from 1."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = choose_number(_("Image"), key="image", low=1, high=count, default=1, notes=notes, width=120)
        st.button(_("Next"), key="next", icon=":material/skip_next:", on_click=_next_number, args=(count,))
    return number


def _first_number() -> None:
    put_number("image", 1, default=1)


def _next_number(count: int) -> None:
    put_number("image", st.session_state["image"] % count + 1, default=1)
