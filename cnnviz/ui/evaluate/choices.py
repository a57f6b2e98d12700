"""Choices of the Evaluate page: a checkpoint, and a data set that fits it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.ui.inside.weights import checkpoint_title, same_task
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.show import plain

Known = Mapping[str, Checkpoint]
"""Checkpoints by id."""


def choose_checkpoint() -> tuple[Checkpoint, Known] | None:
    """The checkpoint in the link, by default the first one, and all checkpoints by id."""
    listing = checkpoints.scan()
    for problem in listing.problems:
        st.warning(plain(problem), icon=":material/error:")
    known = {found.id: found for found in listing.checkpoints if _can_be_run(found)}
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
    chosen = choose_one(
        _("Test images from"),
        fitting,
        key="dataset",
        kind=Message("data set"),
        title=lambda key: datasets.get(key).title,
        default=trained_on.key if trained_on.key in there or not there else there[0],
    )
    return datasets.get(chosen)


def _can_be_run(checkpoint: Checkpoint) -> bool:
    # A run may come from another version of cnnviz, which knew other data sets and architectures.
    return checkpoint.dataset in datasets.keys() and checkpoint.architecture in architectures.keys()  # noqa: SIM118
