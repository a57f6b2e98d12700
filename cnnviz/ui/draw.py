"""The parts of the Draw page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cnnviz import architectures, datasets
from cnnviz.drawing import Prepared, to_mnist
from cnnviz.drawing.classify import predict
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.training import checkpoints
from cnnviz.training.checkpoints import Checkpoint
from cnnviz.ui import cached, drawn, markup
from cnnviz.ui.choice import choose_many, choose_one
from cnnviz.ui.frame import TRAIN, accent, link
from cnnviz.ui.number import choose_number
from cnnviz.ui.show import explained, plain

SIDE = 320
CARD_WIDTH = 171  # two side by side on a phone of 390 pixels
PAPER = (0, 0, 0, 255)
PENS = (12, 40, 24)
SMALL = 1 / 4
"""A drawing whose longest side is a smaller part of the canvas's is mostly the pen's own shape."""

UNREAD = "–"
DIGITS = datasets.get("mnist").classes


def canvas() -> NDArray[np.uint8] | None:
    """The canvas with its pen and the button that clears it; (320, 320, 4) uint8, or None before a stroke."""
    from streamlit_drawable_canvas import st_canvas

    generation = st.session_state.setdefault("canvas_generation", 0)
    area = st.container()  # above the slider that decides its pen
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        thinnest, thickest, usual = PENS
        pen = choose_number(
            _("Pen width"),
            key="pen",
            low=thinnest,
            high=thickest,
            default=usual,
            notes=notes,
            widget=st.slider,
            format="%d px",
            width=170,
        )
        st.button(_("Clear"), icon=":material/ink_eraser:", on_click=_clear, key="clear")
    with area:
        result = st_canvas(
            stroke_width=pen,
            stroke_color="#ffffff",
            background_color="#000000",
            width=SIDE,
            height=SIDE,
            return_image_data=True,
            key=f"canvas-{generation}",
        )
    image: NDArray[np.uint8] | None = result.image_data
    return image


def drawing() -> Prepared | None:
    """The canvas, and what is drawn on it as the networks get it; None while nothing is drawn."""
    prepared = None
    with explained():  # what a browser sends may be damaged
        image = canvas()
        prepared = None if image is None else to_mnist(image, PAPER)
        drawn.remember(None if prepared is None else prepared.image)
    return prepared


def choose_checkpoints() -> list[Checkpoint]:
    """The checkpoints that can read digits, and which of them are chosen: at first all that are shipped."""
    listing = checkpoints.scan()
    for problem in listing.problems:
        st.warning(plain(problem), icon=":material/error:")
    offered = {checkpoint.id: checkpoint for checkpoint in listing.checkpoints if _reads_digits(checkpoint)}
    if not offered:
        st.info(_("There is no network that has learned digits yet."), icon=":material/info:")
        link(TRAIN, _("Train one"))
        return []
    shipped = [id_ for id_, checkpoint in offered.items() if _is_shipped(checkpoint)]
    chosen = choose_many(
        _("Networks"),
        list(offered),
        key="checkpoint",
        kind=Message("The checkpoint"),
        title=lambda id_: name(offered[id_]),
        default=shipped or list(offered)[:1],
        placeholder=_("Choose trained networks"),
    )
    if not chosen:
        st.info(_("Choose a network here, and it reads what you draw."), icon=":material/info:")
    return [offered[id_] for id_ in chosen]


def choose_one_of(chosen: Sequence[Checkpoint]) -> Checkpoint:
    """The one of the chosen checkpoints whose feature maps are shown."""
    by_id = {checkpoint.id: checkpoint for checkpoint in chosen}
    with st.container(width=SIDE):
        picked = choose_one(
            _("Network"),
            list(by_id),
            key="inside",
            kind=Message("The checkpoint"),
            title=lambda id_: name(by_id[id_]),
        )
    return by_id[picked]


def name(checkpoint: Checkpoint) -> str:
    """What a person calls the checkpoint: its architecture, and the run where it is not a shipped one."""
    title = architectures.get(checkpoint.architecture).title
    return title if _is_shipped(checkpoint) else f"{title} · {checkpoint.id}"


def place_of_answer() -> DeltaGenerator:
    """Where :func:`answer` goes: above the canvas, in sight on a phone too while a finger draws.

    It has its height from the start, so that the canvas does not move, and is high enough for the canvas's
    own buttons, which come up at the right over what stands there.
    """
    return st.container(height=32, border=False, key="answer")


def answer(prepared: Prepared | None, labels: Sequence[str]) -> None:
    """All verdicts in one line."""
    text = _("Draw a digit here:")
    if not labels:
        text = _("No network is chosen.")
    elif prepared is not None:
        text = _("Read as {labels}", labels=" · ".join(labels))
    style = "font-size:1.25rem;font-weight:650;line-height:2rem;white-space:nowrap;overflow:hidden"
    st.html(f'<div role="status" style="{style};text-overflow:ellipsis">{escape(text)}</div>')


def advise(prepared: Prepared | None) -> None:
    """A hint where the drawing is so small that the pen hides its shape."""
    if prepared is None:
        return
    _top, _left, height, width = prepared.box
    if max(height, width) < SMALL * max(prepared.ink.shape):
        st.caption(
            ":material/lightbulb: "
            + _(
                "This drawing is small, and the pen hides its shape: draw it larger, or with a thinner pen, and "
                "the networks read it more surely."
            )
        )


def verdicts(prepared: Prepared | None, chosen: Sequence[Checkpoint]) -> list[str]:
    """What each network says, side by side; one that cannot be used says why, and the others go on.

    Returns:
        the labels, :data:`UNREAD` for a network that says none.
    """
    labels = []
    with st.container(horizontal=True):
        for checkpoint in chosen:
            label = UNREAD
            with st.container(border=True, width=CARD_WIDTH), explained():
                st.caption(plain(name(checkpoint)))
                label = _verdict(prepared, checkpoint)
            labels.append(label)
    if chosen:
        st.caption(
            _(
                "A network always chooses one of its ten classes, whatever you draw: a dot, a scribble, two "
                "digits. A high percentage does not mean that it is a digit."
            )
        )
    return labels


def _verdict(prepared: Prepared | None, checkpoint: Checkpoint) -> str:
    if prepared is None:
        st.html(markup.verdict(UNREAD) + markup.bars(DIGITS, None, accent()))
        return UNREAD
    network = cached.model(checkpoint.id, checkpoint.sha256)
    recipe = checkpoint.recipe
    probabilities = predict(network, prepared.image, recipe.mean, recipe.deviation)
    label = DIGITS[int(probabilities.argmax())]
    with st.container(key=f"verdict-{checkpoint.id}"):
        st.html(markup.verdict(label))
    st.html(markup.bars(DIGITS, probabilities.tolist(), accent()))
    return label


def explain_preparation(prepared: Prepared) -> None:
    """The 28 x 28 pixels that the networks get, and how they came about."""
    st.subheader(_("What the networks get"), anchor=False)
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        picture, reasons = st.container(width=SIDE), st.container(width="stretch")
    height, width = prepared.scaled.shape
    top, left = prepared.offset
    with picture:
        st.html(
            markup.pixels(prepared.image, _("Your drawing in 28 x 28 pixels"), (top, left, height, width))
        )
    with reasons:
        st.markdown("\n".join(f"{number}. {step}" for number, step in enumerate(_steps(prepared), 1)))


def _steps(prepared: Prepared) -> list[str]:
    _top, _left, height, width = prepared.box
    scaled_height, scaled_width = prepared.scaled.shape
    top, left = prepared.offset
    return [
        _(
            "Your ink fills {height} x {width} pixels. Where on the canvas does not matter.",
            height=height,
            width=width,
        ),
        _(
            "Scaled so that the longer side has 20 pixels, as MNIST's digits were: {height} x {width}.",
            height=scaled_height,
            width=scaled_width,
        ),
        _(
            "Moved so that the centre of mass lies in the middle of 28 x 28: {top} pixels from the top, {left} "
            "from the left (the dashed frame).",
            top=top,
            left=left,
        ),
    ]


def warm_up(chosen: Sequence[Checkpoint]) -> None:
    """Load the networks and run each once while the person picks up the pen: the first verdict is quick."""
    blank = np.zeros((28, 28), np.uint8)
    for checkpoint in chosen:
        with suppress(CnnvizError):  # said where the verdict would stand
            network = cached.model(checkpoint.id, checkpoint.sha256)
            predict(network, blank, checkpoint.recipe.mean, checkpoint.recipe.deviation)


def _clear() -> None:
    st.session_state["canvas_generation"] += 1


def _reads_digits(checkpoint: Checkpoint) -> bool:
    # A run may come from another version of cnnviz, which knew other data sets and architectures.
    known = {info.key: info for info in datasets.registered()}
    info = known.get(checkpoint.dataset)
    if info is None or checkpoint.architecture not in architectures.keys():  # noqa: SIM118
        return False
    return info.classes == DIGITS and info.input_shape == (1, 28, 28)


def _is_shipped(checkpoint: Checkpoint) -> bool:
    return checkpoint.weights.parent == settings().checkpoints_dir
