"""What is chosen on the Data page: the data set, which is read here, and what several views have in common."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import Dataset, DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.downloads import choose_data_set
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment, put_in_link
from cnnviz.ui.train.choices import NORMALISATIONS

ALL = "all"
"""In the choice of a class: no limit."""

_MOST_SEED = 9_999


@dataclass(frozen=True)
class Subject:
    """The data set that is shown."""

    info: DatasetInfo
    data: Dataset

    @property
    def key(self) -> tuple[str, str]:
        """What cached results of it are found by."""
        return self.info.key, self.data.digest


def load(info: DatasetInfo) -> Subject:
    """The data set in memory; the first time that takes seconds.

    Raises:
        CnnvizError: it is missing or damaged; the message says what to do.
    """
    with st.spinner(_("Loading {title} …", title=info.title)):
        return Subject(info, datasets.load(info.key))


def choose_data() -> DatasetInfo:
    """The data set that the link names; at first the one that is always there."""
    return choose_data_set(datasets.keys())


def choose_class(info: DatasetInfo) -> int | None:
    """The class that the link names; None for all."""
    chosen = choose_one(
        _("Class"),
        (ALL, *map(str, range(len(info.classes)))),
        key="class",
        kind=Message("class"),
        title=lambda name: _("all classes") if name == ALL else info.class_title(int(name)),
    )
    return None if chosen == ALL else int(chosen)


def choose_seed(label: str) -> int:
    """A number for what is drawn at random, with a button for the next one."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = choose_number(label, key="shuffle", low=0, high=_MOST_SEED, default=0, width=120)
        st.button(_("New sample"), key="others", icon=":material/shuffle:", on_click=_next_seed)
    return seed


def _next_seed() -> None:
    put_in_link("shuffle", (st.session_state["shuffle"] + 1) % (_MOST_SEED + 1), default=0)


def choose_normalisation(info: DatasetInfo) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, one a channel, of the normalisation that the link names."""
    chosen = choose_segment(
        _("Normalisation"),
        list(NORMALISATIONS),
        key="normalise",
        kind=Message("normalisation"),
        title=lambda key: str(NORMALISATIONS[key].title),
    )
    way = NORMALISATIONS[chosen]
    if way.mean is None or way.deviation is None:
        return info.mean, info.deviation
    channels = len(info.mean)
    return (way.mean,) * channels, (way.deviation,) * channels
