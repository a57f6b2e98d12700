"""Evaluations that all sessions share: computed once in the background, with progress and time left."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.jobs import Jobs
from cnnviz.language import translate as _
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint
from cnnviz.ui.shared import warm
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Answers

MOST_BYTES = 64_000_000
"""Some 120 evaluations of 10,000 images."""

_LOOK_SECONDS = 0.2


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Answers]:
    return Jobs(MOST_BYTES, at_once=max(1, (os.cpu_count() or 1) // 2))


def answers(checkpoint: Checkpoint, dataset: str, title: str) -> Answers:
    """What a checkpoint's network says about the test images of ``dataset``; a bar shows the progress.

    Known again by the digest of the weights. ``title`` is what the person calls the network.

    Raises:
        CnnvizError: the checkpoint or the data set is missing or damaged, or they do not fit.
    """

    def work(progress: Callable[[float], None]) -> Answers:
        from cnnviz.interpret.answers import answers_of  # seconds, the first time

        warm.one_thread_an_operation()
        return answers_of(checkpoint, dataset, progress)

    job = _jobs().get((checkpoint.id, checkpoint.sha256, dataset), work)
    if not job.wait(0.05):
        bar = st.progress(0.0, _("Evaluation of {title}", title=plain(title)))
        try:
            while not job.wait(_LOOK_SECONDS):
                bar.progress(job.part, _text(title, job.started, job.seconds_left))
        finally:
            bar.empty()
    return job.result()


def _text(title: str, started: bool, seconds_left: float | None) -> str:
    if not started:
        return _("{title} waits for its turn: another network is being evaluated.", title=plain(title))
    if seconds_left is None:
        return _("Evaluation of {title}", title=plain(title))
    return _("Evaluation of {title}: {seconds:,.0f} s left", title=plain(title), seconds=seconds_left)
