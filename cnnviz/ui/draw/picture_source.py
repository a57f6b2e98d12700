"""The left side of the Draw page: the picture, from whatever source, and the answer in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.interpret.inputs import Pixels, middle_square, on_paper, scaled
from cnnviz.language import translate as _
from cnnviz.ui.draw import canvas, stages
from cnnviz.ui.draw.choices import DIGITS
from cnnviz.ui.draw.stages import Stage
from cnnviz.ui.inside import example, verdicts
from cnnviz.ui.inside.example import CLOTHING, remember_drawing
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.own_image import OwnImage, own_image
from cnnviz.ui.shared.show import explained


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture for the networks: ``pixels`` (C, H, W) uint8, and the ``title`` that says what it is.

    Of a digit that was drawn, and of a person's own picture, ``way`` tells how it came about, asked for after
    the verdicts.
    """

    pixels: Pixels
    title: str
    way: Callable[[], Sequence[Stage]] | None = None


def choose_picture(task: DatasetInfo, source: str) -> Shown | None:
    """The picture for the networks; None while there is none, and the page says so."""
    shown = None
    with explained():  # what a browser sends may be damaged
        if source == "draw":
            shown = _drawn()
        elif source == "data":
            shown = _test_image(task)
        else:
            own = own_image(camera=source == "camera")
            shown = None if own is None else _of_file(own, task)
    return shown


def place_of_answer() -> DeltaGenerator:
    """The place of :func:`answer`: above the canvas, visible on a phone while one draws.

    It has its height from the start, so that the canvas does not move, and is high enough for the canvas's
    own buttons, which come up at the right over what stands there.
    """
    return st.container(height=52, border=False, key="answer")


def answer(shown: Shown | None, labels: Sequence[str], source: str) -> None:
    """What most networks say, and below it what the others say."""
    text, rest = ("", "") if shown is None else verdicts.summary(labels)
    if not labels:
        text = _("No network chosen.")
    elif shown is None:
        text = _("Draw a digit here:") if source == "draw" else ""
    st.html(
        f'<div role="status" class="cnnviz-answer"><div>{escape(text)}</div><div>{escape(rest)}</div></div>'
    )


def _drawn() -> Shown | None:
    found = canvas.draw()
    remember_drawing(None if found is None else found.prepared.image)
    if found is None:
        st.info(_("The canvas is empty, so there is no prediction yet."), icon=":material/draw:")
        return None
    if canvas.is_small(found):
        st.caption(
            ":material/lightbulb: "
            + _(
                "This drawing is small, and the thick pen hides its shape: draw it larger or with a "
                "thinner pen for a more reliable prediction."
            )
        )
    st.caption(_("The drawing stays while you visit other pages; reloading this page clears it."))
    way = partial(stages.of_digit, found.image, found.prepared, redrawn=found.redrawn)
    return Shown(found.prepared.image[None], _("Your drawing"), way)


def _test_image(task: DatasetInfo) -> Shown | None:
    offered = [info.key for info in datasets.registered() if info.classes == task.classes]
    there = [key for key in offered if datasets.is_available(key)]
    notes = st.container()
    info = example.choose_data_set(offered, there[-1] if there else offered[0])
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
