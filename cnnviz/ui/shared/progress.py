"""Long work on a page, with progress and time left: computing, once for all sessions, and fetching data sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import translate as _
from cnnviz.ui.shared import warm
from cnnviz.ui.shared.show import explained

if TYPE_CHECKING:
    from cnnviz.interpret.jobs import Jobs, Sized

R = TypeVar("R", bound="Sized")
Progress = Callable[[float], None]
"""Is told which part (0..1) is done."""

MOST_BYTES = 100_000_000
"""Of all results together that are kept."""

_AT_ONCE = 0.15  # seconds that work may take before a bar comes up
_LOOK_SECONDS = 0.2


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Any]:
    from cnnviz.interpret.jobs import Jobs

    return Jobs(MOST_BYTES, at_once=max(1, (os.cpu_count() or 1) // 2))


def result(key: Hashable, work: Callable[[Progress], R], title: str) -> R:
    """What ``work`` returns, known again by ``key``; while it goes on a bar shows how far it is.

    ``work`` gets a function to be called with the part (0..1) that is done; it ends where nobody watches any
    more. ``title`` says what is done, as Markdown.

    Raises:
        Exception: what the work raised.
    """
    warm.one_thread_an_operation()
    job = _jobs().get(key, work)
    if not job.wait(_AT_ONCE):
        bar = st.progress(0.0, title)
        try:
            while not job.wait(_LOOK_SECONDS):
                bar.progress(job.part, _text(title, job.started, job.seconds_left))
        finally:
            bar.empty()
    found: R = job.result()
    return found


def _text(title: str, started: bool, seconds_left: float | None) -> str:
    if not started:
        return _("{title}: waits for its turn, as something else is being computed.", title=title)
    if seconds_left is None:
        return title
    return _("{title}: {seconds:,.0f} s left", title=title, seconds=seconds_left)


def offer_download(key: str) -> bool:
    """Whether the data set is there; where it is not, say so and offer to download it."""
    if datasets.is_available(key):
        return True
    info = datasets.get(key)
    place = st.empty()
    with place.container():
        st.warning(
            _(
                "{title} is not on this machine yet. The download has {size:.0f} MB.",
                title=info.title,
                size=info.download_bytes / 1e6,
            ),
            icon=":material/cloud_download:",
        )
        wanted = st.button(_("Download {title}", title=info.title), key="download")
    if wanted:
        with explained():
            _download(info)
        if datasets.is_available(key):
            place.empty()
            return True
    return False


def _download(info: DatasetInfo) -> None:
    bar = st.progress(0.0)

    def show(part: float) -> None:
        text = _(
            "{done:.1f} of {size:.1f} MB",
            done=part * info.download_bytes / 1e6,
            size=info.download_bytes / 1e6,
        )
        bar.progress(part, text)

    try:
        datasets.download(info.key, show)
    finally:
        bar.empty()
