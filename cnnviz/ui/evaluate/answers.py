"""A network's answers to the test images of a data set, and the images with what it says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import translate as _
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.ui.inside.weights import checkpoint_title
from cnnviz.ui.shared import pictures, progress
from cnnviz.ui.shared.link_state import choose_number
from cnnviz.ui.shared.pictures import Picture
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Answers, Numbers
    from cnnviz.interpret.jobs import Jobs

AT_ONCE = 24
"""Images per page of a long list."""

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

        def work(progress: progress.Progress) -> Answers:
            from cnnviz.interpret.answers import answers_of  # seconds, the first time

            return answers_of(checkpoint, data.key, progress)

        key = checkpoint.id, checkpoint.sha256, data.key
        title = _("Evaluating {title}", title=plain(checkpoint_title(checkpoint)))
        return cls(checkpoint, data, progress.result(key, work, title, _jobs()))

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
    return progress.queue(MOST_BYTES)


def show_images(
    subject: Subject, found: Numbers, key: str, at_once: int, second: Subject | None = None
) -> None:
    """The images ``found``, ``at_once`` per page; ``key`` is the link's parameter of the page number."""
    if not len(found):
        st.caption(_("None."))
        return
    pages = -(-len(found) // at_once)
    number = 1
    if pages > 1:
        number = choose_number(
            _("Page (of {pages:,})", pages=pages), key=key, low=1, high=pages, default=1, width=160
        )
    images = datasets.load(subject.data.key).test_images
    pictures.gallery(
        [
            _picture(subject, images[index].numpy(), index, second)
            for index in found[(number - 1) * at_once : number * at_once].tolist()
        ]
    )


def _picture(
    subject: Subject,
    pixels: NDArray[np.uint8],
    index: int,
    second: Subject | None,
) -> Picture:
    names, truth = subject.names, int(subject.answers.labels[index])
    if second is None:
        read, sure = _reading(subject, index)
        notes: tuple[str, ...] = (_("true: {true} · image {number:,}", true=names[truth], number=index + 1),)
        title, right = f"{read} {sure:.1%}", bool(subject.answers.right[index])
    else:
        (one, one_sure), (two, two_sure) = _reading(subject, index), _reading(second, index)
        title, right = _("true: {true}", true=names[truth]), None
        notes = (f"{subject.title}: {one} {one_sure:.0%}", f"{second.title}: {two} {two_sure:.0%}")
    return Picture(pixels, title, notes, _("Test image {number:,}", number=index + 1), right)


def _reading(subject: Subject, index: int) -> tuple[str, float]:
    return subject.names[int(subject.answers.predicted[index])], float(subject.answers.confidence[index])
