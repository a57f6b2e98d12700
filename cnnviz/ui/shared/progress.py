"""Long work on a page: done once for all sessions, in the background, with progress and time left."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.ui.shared import warm

if TYPE_CHECKING:
    from cnnviz.interpret.jobs import Jobs, Sized

R = TypeVar("R", bound="Sized")
Progress = Callable[[float], None]
"""Is told which part (0..1) is done."""

MOST_BYTES = 100_000_000
"""Of all results together that are kept."""

_AT_ONCE = 0.15  # seconds that work may take before a bar comes up
_LOOK_SECONDS = 0.2


def queue(most_bytes: int) -> Jobs[Any]:
    """A queue of its own for one kind of work, whose results of at most ``most_bytes`` together are kept."""
    from cnnviz.interpret.jobs import Jobs

    return Jobs(most_bytes, at_once=max(1, (os.cpu_count() or 1) // 2))


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Any]:
    return queue(MOST_BYTES)


def result(key: Hashable, work: Callable[[Progress], R], title: str, jobs: Jobs[R] | None = None) -> R:
    """What ``work`` returns, known again by ``key``; while it goes on a bar shows how far it is.

    ``work`` gets a function to be called with the part (0..1) that is done; it ends where nobody watches any
    more. ``title`` says what is done, as Markdown. ``jobs`` is a :func:`queue` other than the common one.

    Raises:
        Exception: what the work raised.
    """
    warm.one_thread_an_operation()
    job = (jobs or _jobs()).get(key, work)
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
        return _("{title}: queued behind another computation.", title=title)
    if seconds_left is None:
        return title
    return _("{title}: {seconds:,.0f} s left", title=title, seconds=seconds_left)
