"""Choices of the Draw page: the task, the networks, and where the picture comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.ui.inside.example import CLOTHING
from cnnviz.ui.inside.weights import checkpoint_title, is_shipped, same_task
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.link_state import choose_many, choose_segment
from cnnviz.ui.shared.show import plain

DIGITS = "mnist"
_TASKS: Mapping[str, Message] = {
    DIGITS: Message("Digits"),
    CLOTHING: Message("Clothing"),
    "cifar10": Message("Animals and vehicles"),
}
_OF_THE_TASK = ("checkpoint", "inside", "dataset", "digit", "image")
"""Parameters of the link that apply to one task only."""

_TITLES: Mapping[str, Message] = {
    DIGITS: Message("Draw a digit"),
    CLOTHING: Message("Classify clothing"),
    "cifar10": Message("Classify an animal or a vehicle"),
}
_SOURCES: Mapping[str, Message] = {
    "draw": Message("Draw here"),
    "file": Message("Image file"),
    "camera": Message("Camera"),
    "data": Message("Test image"),
}


def choose_task(found: Sequence[Checkpoint]) -> DatasetInfo:
    """The data set whose classes are told apart: digits, unless the link says otherwise or names another
    network.
    """
    named = st.query_params.get("checkpoint")
    usual = next((_task_of(checkpoint) for checkpoint in found if checkpoint.id == named), None)
    chosen = choose_segment(
        _("Task"),
        _TASKS,
        key="task",
        kind=Message("task"),
        default=usual or DIGITS,
        label_visibility="collapsed",
        # The source stays; "draw" alone is nothing that another task has.
        forget=(*_OF_THE_TASK, "source") if st.query_params.get("source") == "draw" else _OF_THE_TASK,
    )
    return datasets.get(chosen)


def introduce(task: DatasetInfo) -> None:
    """The title, and what to do here."""
    st.title(str(_TITLES[task.key]), anchor=False)
    if task.key == DIGITS:
        text = _(
            "Draw a digit from 0 to 9 with the mouse or a finger, anywhere on the canvas, large or "
            "small. Each network shows what it recognises. You can also use a picture or a photo."
        )
    else:
        text = _(
            "Show the networks a test image or a picture of your own: each predicts one of the {count} "
            "classes of {dataset}.",
            count=len(task.classes),
            dataset=task.title,
        )
    st.write(text)


def choose_source(task: DatasetInfo) -> str:
    """Where the picture comes from: ``draw`` (digits alone), ``file``, ``camera`` or ``data``."""
    offered = [key for key in _SOURCES if key != "draw" or task.key == DIGITS]
    usual = offered[0] if task.key == DIGITS else "data"
    return choose_segment(
        _("Source"),
        offered,
        key="source",
        kind=Message("source"),
        title=lambda key: str(_SOURCES[key]),
        default=usual,
        label_visibility="collapsed",
    )


def all_checkpoints() -> list[Checkpoint]:
    """All checkpoints, augmented ones that are included first; damaged ones get a message."""
    listing = checkpoints.scan()
    for problem in listing.problems:
        st.warning(plain(problem), icon=":material/error:")
    return sorted(
        listing.checkpoints,
        key=lambda found: not (is_shipped(found) and found.recipe.preparation.augmentation),
    )


def choose_checkpoints(found: Sequence[Checkpoint], task: DatasetInfo) -> list[Checkpoint]:
    """The chosen networks for ``task``, by default all that are included."""
    offered = {checkpoint.id: checkpoint for checkpoint in found if _task_of(checkpoint) == task.key}
    if not offered:
        st.info(_("No network has been trained on {data} yet.", data=task.title), icon=":material/info:")
        link(TRAIN, _("Train one"))
        return []
    shipped = [id_ for id_, checkpoint in offered.items() if is_shipped(checkpoint)]
    chosen = choose_many(
        _("Networks"),
        list(offered),
        key="checkpoint",
        kind=Message("checkpoint"),
        title=lambda id_: checkpoint_title(offered[id_]),
        default=shipped or list(offered)[:1],
        placeholder=_("Choose trained networks"),
    )
    if not chosen:
        st.info(_("Choose a network to see its prediction."), icon=":material/info:")
    return [offered[id_] for id_ in chosen]


def _task_of(checkpoint: Checkpoint) -> str | None:
    # A run may come from another version of cnnviz, which knew other data sets and architectures.
    known = {info.key: info for info in datasets.registered()}
    info = known.get(checkpoint.dataset)
    if info is None or checkpoint.architecture not in architectures.keys():  # noqa: SIM118
        return None
    return next((key for key in _TASKS if same_task(known[key], info)), None)
