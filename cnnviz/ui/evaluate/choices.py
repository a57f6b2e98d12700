"""What the Evaluate page is about: a checkpoint, a data set that fits it, and the network's answers to its test images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.ui.inside.weights import all_checkpoints, checkpoint_title, same_task
from cnnviz.ui.shared import background
from cnnviz.ui.shared.downloads import choose_data_set
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.problems import plain

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Answers
    from cnnviz.interpret.jobs import Jobs

Known = Mapping[str, Checkpoint]
"""Checkpoints by id."""


MOST_BYTES = 64_000_000
"""Of all answers together that are kept: some 120 networks' to 10,000 images."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network's ``answers`` to the test images of a data set."""

    checkpoint: Checkpoint
    data: DatasetInfo
    answers: Answers

    @classmethod
    def of(cls, checkpoint: Checkpoint, data: DatasetInfo) -> Subject:
        """Ask the checkpoint's network about all test images, once for everybody; a bar shows the progress.

        Raises:
            CnnvizError: the checkpoint or the data set is missing or damaged, or they do not fit.
        """

        def work(progress: background.Progress) -> Answers:
            from cnnviz.interpret.answers import answers_of  # seconds, the first time

            return answers_of(checkpoint, data.key, progress)

        key = checkpoint.id, checkpoint.sha256, data.key
        title = _("Evaluating {title}", title=plain(checkpoint_title(checkpoint)))
        return cls(checkpoint, data, background.result(key, work, title, _jobs()))

    @property
    def title(self) -> str:
        """The network's title."""
        return checkpoint_title(self.checkpoint)

    @property
    def names(self) -> list[str]:
        """The names of the classes in the current language."""
        return [self.data.class_title(label) for label in range(len(self.data.classes))]

    @property
    def honest(self) -> bool:
        """Whether the network saw none of these images in training."""
        return datasets.overlap(self.checkpoint.dataset, self.data.key) is None


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Answers]:
    return background.queue(MOST_BYTES)


def choose_checkpoint() -> tuple[Checkpoint, Known] | None:
    """The checkpoint in the link, by default the first one, and all checkpoints by id."""
    known = {found.id: found for found in all_checkpoints() if found.can_be_run}
    if not known:
        st.info(_("No trained networks yet."), icon=":material/info:")
        link(TRAIN, _("Train one"))
        return None
    chosen = choose_one(
        _("Network"),
        list(known),
        key="checkpoint",
        kind=Message("checkpoint"),
        title=lambda id_: checkpoint_title(known[id_]),
    )
    return known[chosen], known


def choose_data(checkpoint: Checkpoint) -> DatasetInfo:
    """The data set in the link, by default the one the network was trained on, if it is on this machine."""
    trained_on = datasets.get(checkpoint.dataset)
    fitting = [info.key for info in datasets.registered() if same_task(trained_on, info)]
    there = [key for key in fitting if datasets.is_available(key)]
    usual = trained_on.key if trained_on.key in there or not there else there[0]
    return choose_data_set(fitting, usual, _("Test images from"))
