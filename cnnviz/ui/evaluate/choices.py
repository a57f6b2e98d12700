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
from cnnviz.ui.inside.weights import Weights, all_checkpoints, checkpoint_title, of_hosted, same_task
from cnnviz.ui.shared import background, cached, hosted
from cnnviz.ui.shared.downloads import choose_data_set
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.query import query

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Answers
    from cnnviz.interpret.jobs import Jobs

NETWORK = "checkpoint"
"""The link's parameter that names the network."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network that can be tested: a checkpoint's, or the hosted one, which has ``live`` weights.

    ``dataset`` is the data set whose images and classes are its own, and ``state`` another one after each change of its
    weights.
    """

    id: str
    title: str
    state: str
    dataset: str
    checkpoint: Checkpoint | None = None
    live: Weights | None = None

    def answers(self, data: str, progress: background.Progress) -> Answers:
        """What it says of the test images of ``data``; ``progress`` is called with 0..1.

        Raises:
            CnnvizError: it or the data set is missing or damaged, or they do not fit.
        """
        from cnnviz.interpret.answers import answers_of, answers_to  # seconds, the first time

        if self.checkpoint is not None:
            return answers_of(self.checkpoint, data, progress)
        assert self.live is not None
        found = datasets.load(data)
        asked = self.live.preparing, found.test_images, found.test_labels, len(found.classes)
        return cached.computed(self.live.key, answers_to, *asked, progress=progress)

    def is_honest(self, data: str) -> bool | None:
        """Whether it saw none of the images of ``data`` in training; None where nobody knows."""
        return None if self.checkpoint is None else datasets.overlap(self.dataset, data) is None


Known = Mapping[str, Network]
"""Networks by id."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network's ``answers`` to the test images of a data set."""

    network: Network
    data: DatasetInfo
    answers: Answers

    @classmethod
    def of(cls, network: Network, data: DatasetInfo) -> Subject:
        """Ask the network about all test images, once for everybody; a bar shows the progress.

        Raises:
            CnnvizError: the checkpoint or the data set is missing or damaged, or they do not fit.
        """
        key = network.id, network.state, data.key
        title = _("Evaluating {title}", title=plain(network.title))
        answers = background.result(key, lambda progress: network.answers(data.key, progress), title, _jobs())
        return cls(network, data, answers)

    @property
    def title(self) -> str:
        """The network's title."""
        return self.network.title

    @property
    def names(self) -> list[str]:
        """The names of the classes in the current language."""
        return [self.data.class_title(label) for label in range(len(self.data.classes))]

    @property
    def honest(self) -> bool | None:
        """Whether the network saw none of these images in training; None where nobody knows."""
        return self.network.is_honest(self.data.key)


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Answers]:
    return background.queue()


def choose_network() -> tuple[Network, Known] | None:
    """The network in the link, by default the first one, and all of them by id; None where there is none to test."""
    known = _known()
    named = query.get(NETWORK)
    untestable = named == hosted.NAME and named not in known and named in hosted.titles()
    if untestable:
        _say_why_not()
    if not known:
        st.info(_("No trained networks yet."), icon=":material/info:")
        link(TRAIN, _("Train one"))
        return None
    chosen = choose_one(
        _("Network"),
        list(known),
        key=NETWORK,
        kind=Message("checkpoint"),
        title=lambda id_: known[id_].title,
        elsewhere=[hosted.NAME] if untestable else (),
    )
    return known[chosen], known


def _known() -> dict[str, Network]:
    live = of_hosted()
    found = {}
    if live is not None and live.dataset is not None:
        found[hosted.NAME] = Network(hosted.NAME, live.title, live.key[-1], live.dataset, live=live)
    for checkpoint in all_checkpoints():
        if checkpoint.can_be_run:
            title = checkpoint_title(checkpoint)
            found[checkpoint.id] = Network(
                checkpoint.id, title, checkpoint.sha256, checkpoint.dataset, checkpoint
            )
    return found


def _say_why_not() -> None:
    """Why the hosted network is not among those that can be tested."""
    facts = hosted.usable_facts()
    if facts is None:
        st.warning(
            _("The network of your file cannot be used; Architecture says why."), icon=":material/error:"
        )
        return
    st.warning(
        _(
            "{place} cannot be tested here: it does not run, or no data set has images and classes like it.",
            place=plain(facts.place),
        ),
        icon=":material/error:",
    )


def choose_data(network: Network) -> DatasetInfo:
    """The data set in the link, by default the one the network was trained on, if it is on this machine."""
    trained_on = datasets.get(network.dataset)
    fitting = [info.key for info in datasets.registered() if same_task(trained_on, info)]
    there = [key for key in fitting if datasets.is_available(key)]
    usual = trained_on.key if trained_on.key in there or not there else there[0]
    return choose_data_set(fitting, usual, _("Test images from"))
