"""Choices of the Draw page: the task, the networks, and the picture from whatever source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.interpret.inputs import Pixels, middle_square, on_paper, scaled
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.ui.draw import canvas, stages
from cnnviz.ui.draw.stages import Stage
from cnnviz.ui.inside import example
from cnnviz.ui.inside.example import CLOTHING, OwnImage, own_image, remember_drawing
from cnnviz.ui.inside.weights import (
    Weights,
    all_checkpoints,
    checkpoint_title,
    of_checkpoint,
    of_hosted,
    same_task,
)
from cnnviz.ui.shared import hosted
from cnnviz.ui.shared.downloads import choose_data_set, offer_download
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.link_state import choose_many, choose_segment
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import say

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


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture for the networks: ``pixels`` (C, H, W) uint8, and the ``title`` that says what it is.

    Of a digit that was drawn, and of a person's own picture, ``way`` tells how it came about, asked for after
    the verdicts.
    """

    pixels: Pixels
    title: str
    way: Callable[[], Sequence[Stage]] | None = None


def choose_task(found: Sequence[Checkpoint]) -> DatasetInfo:
    """The data set whose classes are told apart: digits, unless the link says otherwise or names another
    network.
    """
    named = query.get("checkpoint")
    usual = next((_task_of(checkpoint) for checkpoint in found if checkpoint.id == named), None)
    chosen = choose_segment(
        _("Task"),
        _TASKS,
        key="task",
        kind=Message("task"),
        default=usual or DIGITS,
        label_visibility="collapsed",
        # The source stays; "draw" alone is nothing that another task has.
        forget=(*_OF_THE_TASK, "source") if query.get("source") == "draw" else _OF_THE_TASK,
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
    say(text)


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


def in_order() -> list[Checkpoint]:
    """All checkpoints, included ones that were trained with augmentation first."""
    return sorted(
        all_checkpoints(), key=lambda found: not (found.is_shipped and found.recipe.preparation.augmentation)
    )


def choose_networks(found: Sequence[Checkpoint], task: DatasetInfo) -> list[Weights]:
    """The chosen networks for ``task``, by default all that are included, and the hosted one."""
    offered = {checkpoint.id: checkpoint for checkpoint in found if _task_of(checkpoint) == task.key}
    own = of_hosted()
    if own is not None and (own.dataset is None or not same_task(task, datasets.get(own.dataset))):
        own = None
    first = {} if own is None else {hosted.NAME: own.title}
    titles = first | {id_: checkpoint_title(checkpoint) for id_, checkpoint in offered.items()}
    if not titles:
        st.info(_("No network has been trained on {data} yet.", data=task.title), icon=":material/info:")
        link(TRAIN, _("Train one"))
        return []
    shipped = [id_ for id_, checkpoint in offered.items() if checkpoint.is_shipped]
    chosen = choose_many(
        _("Networks"),
        list(titles),
        key="checkpoint",
        kind=Message("checkpoint"),
        title=lambda id_: titles[id_],
        default=[*first, *(shipped or list(offered)[:1])],
        placeholder=_("Choose trained networks"),
    )
    if not chosen:
        st.info(_("Choose a network to see its prediction."), icon=":material/info:")
    return [own if own is not None and id_ in first else of_checkpoint(offered[id_]) for id_ in chosen]


def _task_of(checkpoint: Checkpoint) -> str | None:
    if not checkpoint.can_be_run:
        return None
    info = datasets.get(checkpoint.dataset)
    return next((key for key in _TASKS if same_task(datasets.get(key), info)), None)


def choose_picture(task: DatasetInfo, source: str) -> Shown | None:
    """The picture for the networks, of another ``source`` than the canvas; None while there is none."""
    shown = None
    with explained():  # what a browser sends may be damaged
        if source == "data":
            shown = _test_image(task)
        else:
            own = own_image(camera=source == "camera")
            shown = None if own is None else _of_file(own, task)
    return shown


def drawn() -> Shown | None:
    """What is drawn on the canvas; None while it is empty.

    Raises:
        CnnvizError: what the browser sent is no drawing.
    """
    found = canvas.drawn()
    if found is None:
        return None
    way = partial(stages.of_digit, found.image, found.prepared, redrawn=found.redrawn)
    return Shown(found.prepared.image[None], _("Your drawing"), way)


def _test_image(task: DatasetInfo) -> Shown | None:
    offered = [info.key for info in datasets.registered() if info.classes == task.classes]
    there = [key for key in offered if datasets.is_available(key)]
    notes = st.container()
    info = choose_data_set(offered, there[-1] if there else offered[0], forget=example.OF_THE_DATA)
    if not offer_download(info.key):
        return None
    picked, number = st.container(), st.container()
    found = example.choose_image(info, notes, picked, number)
    with number:
        example.show(found)
    remember_drawing(found.pixels[0] if task.key == DIGITS else None)
    return Shown(found.pixels, found.title)


def _of_file(own: OwnImage, task: DatasetInfo) -> Shown | None:
    """An uploaded picture or photo; None, with a message, if no digit is found in it."""
    if task.key == CLOTHING:
        from cnnviz.drawing.pictures import garment_from_picture

        piece = garment_from_picture(own.image)
        way: Callable[[], Sequence[Stage]] = partial(stages.of_garment, own.image, piece, own.size)
        return Shown(piece.image[None], _("Your picture"), way)
    if task.key != DIGITS:
        pixels = scaled(middle_square(on_paper(own.image)), (task.input_shape[1], task.input_shape[2]))
        return Shown(pixels, _("Your picture"), partial(stages.of_colours, own.image, pixels, own.size))
    from cnnviz.drawing.pictures import digit_from_picture

    prepared = digit_from_picture(own.image)
    if prepared is None:
        st.info(
            _("No digit found in this picture. Move closer, use more light, or use a thicker pen."),
            icon=":material/search_off:",
        )
        return None
    way = partial(stages.of_digit, own.image, prepared, given=own.size)
    return Shown(prepared.image[None], _("Your picture"), way)
