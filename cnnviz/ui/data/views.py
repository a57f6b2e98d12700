"""The views of the Data page: what is in a data set, its images, its classes, its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import data as plots
from cnnviz.ui.data import preparation
from cnnviz.ui.data.choices import Subject, choose_class, choose_normalisation, choose_seed
from cnnviz.ui.data.preparation import value_figures
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Source
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.link_state import View, choose_segment
from cnnviz.ui.shared.pictures import pixelated
from cnnviz.ui.shared.words import caption

PARTS: Mapping[str, Message] = MappingProxyType(
    {"train": Message("Training images"), "test": Message("Test images")}
)

_EACH, _OF_ONE = 20, 96
"""How many samples are shown of each class, and of a single one."""

if TYPE_CHECKING:
    from cnnviz.datasets.loading import Statistics


def facts(info: DatasetInfo) -> None:
    """How large the data set is, at a glance."""
    size = info.train_images + info.test_images
    for dimension in info.input_shape:
        size *= dimension
    entries = (
        (f"{info.train_images:,}", _("training images")),
        (f"{info.test_images:,}", _("test images")),
        (f"{len(info.classes)}", _("classes")),
        (shape_text(info.input_shape), _("channels x height x width")),
        (_("{megabytes:,.0f} MB", megabytes=size / 1e6), _("in memory, one byte per value")),
    )
    cells = "".join(
        f'<div><div class="cnnviz-size">{escape(value)}</div><div class="cnnviz-note">{escape(label)}</div></div>'
        for value, label in entries
    )
    st.html(f'<div class="cnnviz-sizes">{cells}</div>')


def samples(subject: Subject) -> None:
    """Images of every class, or many of one."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(width=260):
            part = choose_segment(
                _("Images from"),
                list(PARTS),
                key="part",
                kind=Message("part of the data set"),
                title=lambda key: str(PARTS[key]),
            )
        with st.container(width=200):
            label = choose_class(subject.info)
        with st.container(width=260):
            seed = choose_seed(_("Random seed"))
    shown = range(len(subject.info.classes)) if label is None else (label,)
    numbers = subject.data.part(part)[1].bincount(minlength=len(subject.info.classes)).tolist()
    cards = []
    for one in shown:
        found = cached.dataset_samples(*subject.key, part, one, _EACH if label is None else _OF_ONE, seed)
        title = subject.info.class_title(one)
        cards.append(_class_card(title, numbers[one], found))
    one_class = "" if label is None else " cnnviz-one-class"
    st.html(f'<div class="cnnviz-classes{one_class}">{"".join(cards)}</div>')
    caption(
        _(
            "Pixels are shown without smoothing: this is all the network gets. Point at an image to see "
            "its number."
        )
    )


def _class_card(title: str, count: int, images: Sequence[Source]) -> str:
    pictures = "".join(
        pixelated(source, _("{title}, image {number:,}", title=title, number=place + 1))
        for place, source in images
    )
    note = _("{count:,} images", count=count)
    return (
        f'<figure class="cnnviz-card"><figcaption><b>{escape(title)}</b> '
        f'<span class="cnnviz-note">{escape(note)}</span></figcaption>'
        f'<div class="cnnviz-samples">{pictures}</div></figure>'
    )


def _statistics(subject: Subject) -> Statistics:
    with st.spinner(_("Computing the statistics of {title} …", title=subject.info.title)):
        return cached.dataset_statistics(*subject.key)


def classes(subject: Subject) -> None:
    """How many images each class has, and what its images have in common."""
    found = _statistics(subject)
    titles = [subject.info.class_title(label) for label in range(len(subject.info.classes))]
    figure = plots.counts_figure(titles, found.train_counts.tolist(), found.test_counts.tolist())
    chart(figure, key="counts")
    commonest = int(found.test_counts.argmax())
    caption(
        _(
            "Always predicting {title} would be correct for {share:.1%} of the test images: the "
            "baseline that a network must beat.",
            title=titles[commonest],
            share=found.test_counts[commonest] / found.test_counts.sum(),
        )
    )
    st.subheader(_("Mean image of each class"), anchor=False)
    pictures = zip(titles, cached.class_means(*subject.key), strict=True)
    cells = "".join(
        f'<figure class="cnnviz-figure">{pixelated(source, title)}'
        f'<figcaption class="cnnviz-note">{escape(title)}</figcaption></figure>'
        for title, source in pictures
    )
    st.html(f'<div class="cnnviz-averages">{cells}</div>')
    caption(
        _(
            "Each pixel is averaged over all training images of the class. Where the mean still looks "
            "like its class, the images resemble each other pixel by pixel, and a simple network does "
            "well; where it is blurred, the network must find shapes wherever they are."
        )
    )


def values(subject: Subject) -> None:
    """Which values the pixels have, and what normalisation makes of them."""
    found = _statistics(subject)
    mean, deviation = choose_normalisation(subject.info)
    st.html(_moments(subject.info, found, mean, deviation))
    value_figures(found.values, 1, mean, deviation)
    caption(
        _(
            "Normalisation shifts and scales the axis but keeps the shape of the distribution (dotted "
            "line: mean). With the data set's own mean and standard deviation, the values are centred "
            "on 0 with standard deviation 1, which suits the initial weights."
        )
    )


def _moments(info: DatasetInfo, found: Statistics, mean: Sequence[float], deviation: Sequence[float]) -> str:
    """Mean and deviation of each channel: computed here, as usually quoted, and after normalisation."""
    rows = [(_("Channel"), _("Mean"), _("Standard deviation"), _("Commonly used"), _("After normalisation"))]
    for number, channel in enumerate(plots.channels(len(info.mean))):
        own, spread = float(found.mean[number]), float(found.deviation[number])
        after = (own - mean[number]) / deviation[number]
        rows.append(
            (
                str(channel.title),
                f"{own:.4f}",
                f"{spread:.4f}",
                f"{info.mean[number]:.4f}, {info.deviation[number]:.4f}",
                f"{_positive_zero(after):.2f}, {spread / deviation[number]:.2f}",
            )
        )
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="cnnviz-statistics"><table>{body}</table></div>'


def _positive_zero(value: float) -> float:
    """0.0 for what would be written as -0.00."""
    return round(value, 2) + 0.0


VIEWS: Mapping[str, View[[Subject]]] = MappingProxyType(
    {
        "samples": View(Message("Samples"), samples),
        "classes": View(Message("Classes"), classes),
        "values": View(Message("Values"), values),
        "recipe": View(Message("Preparation"), preparation.show),
    }
)
