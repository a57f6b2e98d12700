"""The parts of the Data page: which data set, its images, its classes, its values."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.data import data_recipe
from cnnviz.ui.data import data_views as views
from cnnviz.ui.data.data_views import NOTE, Subject
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.views import View


def choose_data() -> DatasetInfo:
    """The data set that the link names; at first the one that is always there."""
    chosen = choose_one(
        _("Data set"),
        datasets.keys(),
        key="dataset",
        kind=Message("The data set"),
        title=lambda key: datasets.get(key).title,
    )
    return datasets.get(chosen)


def load(info: DatasetInfo) -> Subject:
    """The data set in memory; the first time that takes seconds.

    Raises:
        CnnvizError: it is missing or damaged; the message says what to do.
    """
    with st.spinner(_("{title} is being read …", title=info.title)):
        return Subject(info, datasets.load(info.key))


def facts(info: DatasetInfo) -> None:
    """How large the data set is, at a glance."""
    size = info.train_images + info.test_images
    for dimension in info.input_shape:
        size *= dimension
    entries = (
        (f"{info.train_images:,}", _("images to train on")),
        (f"{info.test_images:,}", _("images to test on")),
        (f"{len(info.classes)}", _("classes")),
        (shape_text(info.input_shape), _("channels x height x width")),
        (_("{megabytes:,.0f} MB", megabytes=size / 1e6), _("in memory, a byte a value")),
    )
    number = "font-size:1.5rem;font-weight:650;line-height:1.2;white-space:nowrap"
    cells = "".join(
        f'<div><div style="{number}">{escape(value)}</div><div style="{NOTE}">{escape(label)}</div></div>'
        for value, label in entries
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.75rem 2.5rem">{cells}</div>')


VIEWS: Mapping[str, View[[Subject]]] = MappingProxyType(
    {
        "samples": View(Message("Samples"), views.samples),
        "classes": View(Message("Classes"), views.classes),
        "values": View(Message("Values"), views.values),
        "recipe": View(Message("Preparation"), data_recipe.show),
    }
)
