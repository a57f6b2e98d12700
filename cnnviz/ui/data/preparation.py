"""What a recipe does to one image on its way to a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cnnviz.datasets import DatasetInfo
from cnnviz.datasets.loading import value_counts
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import data as plots
from cnnviz.plots.mosaic import mosaic, png
from cnnviz.training.recipe.augmentation import PRESETS
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.ui.data.choices import Subject, choose_normalisation, choose_seed
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_number, choose_segment, choose_switch, put_in_link
from cnnviz.ui.shared.pictures import image_address, pixelated, png_address
from cnnviz.ui.shared.words import caption
from cnnviz.ui.train.choices import choose_augmentation

if TYPE_CHECKING:
    from cnnviz.training.transforms.batch_preparer import Stages

_DRAWS = 12
_SIZES = ("off", "96", "224")
_MOST_SEED = 9_999
_BIN = 8  # values of a byte
_JUMP = 1_789  # images; a prime, so that all come in turn, and far apart: some data sets are sorted by class
_SUGGESTED = {"fashion-mnist": "crop-flip", "cifar10": "crop-flip"}
_DIGITS = "digits"


def show(subject: Subject) -> None:
    """The image, and beside what happens to it the choices; on a phone these come below what they do."""
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        place = _choose_image(subject, notes)
        with st.container(width=260):
            shuffle = choose_seed(_("Random seed"))
    pictures, settings = st.columns([2.2, 1], gap="medium")
    with settings, st.container(border=True):
        preparation = _choose(subject.info, notes)
    found = cached.preparation_stages(*subject.key, place, preparation, _DRAWS, shuffle)
    with pictures:
        label = int(subject.data.train_labels[place])
        _steps(preparation, found, subject.info.class_title(label))
        _draws(subject.info, label, preparation, found)
    _values(preparation, found)


def _choose_image(subject: Subject, notes: DeltaGenerator) -> int:
    """The place of the chosen image among the training images."""
    count = len(subject.data.train_labels)
    with st.container(width=300), st.container(horizontal=True, vertical_alignment="bottom"):
        number = choose_number(
            _("Training image"), key="image", low=1, high=count, default=1, notes=notes, width=120
        )
        st.button(_("Another image"), key="another", icon=":material/image:", on_click=_jump, args=(count,))
    return number - 1


def _jump(count: int) -> None:
    put_in_link("image", (st.session_state["image"] - 1 + _JUMP) % count + 1, default=1)


def _choose(info: DatasetInfo, notes: DeltaGenerator) -> ImagePreparation:
    st.subheader(_("Augmentation"), anchor=False)
    usual = PRESETS[_SUGGESTED.get(info.key, _DIGITS)].augmentation
    augmentation = choose_augmentation(info.input_shape[0], usual, notes)
    st.subheader(_("Pixel permutation"), anchor=False)
    permutation_seed = None
    if choose_switch(_("Shuffle the pixels"), key="permute", notes=notes):
        permutation_seed = choose_number(
            _("Permutation seed"), key="order", low=0, high=_MOST_SEED, default=0, notes=notes, width=160
        )
    st.subheader(_("Size and values"), anchor=False)
    resize = choose_segment(
        _("Size"),
        _SIZES,
        key="resize",
        kind=Message("size"),
        title=lambda side: _("unchanged") if side == "off" else f"{side} x {side}",
    )
    mean, deviation = choose_normalisation(info)
    side = None if resize == "off" else int(resize)
    return ImagePreparation(mean, deviation, side, augmentation, permutation_seed)


@dataclass(frozen=True)
class _Step:
    title: str
    picture: str
    note: str
    wide: bool = False


def _steps(preparation: ImagePreparation, found: Stages, label: str) -> None:
    """The image after each step that is taken, in their order."""
    st.subheader(_("The image after each step"), anchor=False)
    cards = "".join(_card(number, step) for number, step in enumerate(_taken(preparation, found, label), 1))
    st.html(f'<div class="cnnviz-steps">{cards}</div>')


def _taken(preparation: ImagePreparation, found: Stages, label: str) -> Iterator[_Step]:
    note = _("label {label}; {shape}, values 0 to 255", label=label, shape=shape_text(found.image.shape))
    yield _Step(_("Stored image"), image_address(found.image), note)
    if found.draws is not None:
        note = _("the first of the draws below; test images are not augmented")
        yield _Step(_("Augmented"), image_address(found.draws[0]), note)
    if found.permuted is not None:
        note = _(
            "permutation {seed}, the same for every image: a fully connected network does not mind, a "
            "convolution loses its neighbouring pixels",
            seed=preparation.permutation_seed,
        )
        yield _Step(_("Permuted"), image_address(found.permuted), note)
    if found.resized is not None:
        note = _(
            "{shape}, bilinear interpolation: more pixels, but no more detail",
            shape=shape_text(found.resized.shape),
        )
        yield _Step(_("Resized"), image_address(found.resized), note)
    low, high = float(found.normalised.min()), float(found.normalised.max())
    note = _(
        "{shape}, {low:.2f} to {high:.2f}: positive values red, negative ones blue",
        shape=shape_text(found.normalised.shape),
        low=low,
        high=high,
    )
    # the three channels of a colour image stand side by side
    yield _Step(_("Normalised"), _signed(found.normalised), note, wide=len(found.normalised) > 1)


def _signed(values: NDArray[np.float32]) -> str:
    """Values (C, H, W) around zero as a picture, the channels side by side."""
    limit = float(np.abs(values).max())
    return png_address(png(mosaic(values, limit), is_dark()))


def _card(number: int, step: _Step) -> str:
    wide = " cnnviz-channels" if step.wide else ""
    return (
        f'<figure class="cnnviz-card{wide}"><figcaption><b>{number}. {escape(step.title)}</b></figcaption>'
        f'{pixelated(step.picture, step.title)}<div class="cnnviz-note">{escape(step.note)}</div></figure>'
    )


def _draws(info: DatasetInfo, label: int, preparation: ImagePreparation, found: Stages) -> None:
    """What augmentation makes of the image, epoch by epoch."""
    st.subheader(_("Examples of augmentation"), anchor=False)
    if found.draws is None:
        caption(_("Augmentation is off: the network sees the same image in every epoch."))
        return
    draws = "".join(
        pixelated(image_address(draw), _("Draw {number}", number=number))
        for number, draw in enumerate(found.draws, 1)
    )
    st.html(f'<div class="cnnviz-draws">{draws}</div>')
    caption(
        _(
            "{count} random draws. In every epoch the network sees a different one, always with label "
            "{label}, and so learns to ignore these changes.",
            count=len(found.draws),
            label=info.class_title(label),
        )
    )
    if preparation.augmentation.flip and info.classes[0] == "0":
        st.caption(
            ":material/lightbulb: " + _("A mirrored 2 is no longer a 2: for digits, leave flipping off.")
        )


def _values(preparation: ImagePreparation, found: Stages) -> None:
    """The image's values before and after normalisation."""
    st.subheader(_("Its values before and after normalisation"), anchor=False)
    last = found.image
    for step in (None if found.draws is None else found.draws[0], found.permuted, found.resized):
        last = last if step is None else step
    counts = value_counts(last[None])
    binned = counts.reshape(len(counts), -1, _BIN).sum(axis=2)
    value_figures(binned, _BIN, preparation.mean, preparation.deviation)
    caption(
        _(
            "Normalisation only shifts and scales the axis. This image alone now has mean {mean:.2f} "
            "(dotted) and standard deviation {deviation:.2f}.",
            mean=float(found.normalised.mean()),
            deviation=float(found.normalised.std()),
        )
    )


def value_figures(
    counts: NDArray[np.int64], width: int, mean: Sequence[float], deviation: Sequence[float]
) -> None:
    """How often each value occurs, as stored and normalised; ``counts`` (C, N) are of ``width`` values each."""
    before, after = st.columns(2)
    first = (width - 1) / 2  # the middle of the first values that are counted together
    channels = len(counts)
    with before:
        axis = plots.Axis(_("value, 0 to 255"), [first] * channels, [float(width)] * channels)
        figure = plots.values_figure(counts, axis, _("Before normalisation"), is_dark())
        chart(figure, key="values-before")
    with after:
        axis = plots.Axis(
            _("value that the network gets"),
            [(first / 255 - m) / d for m, d in zip(mean, deviation, strict=True)],
            [width / 255 / d for d in deviation],
        )
        figure = plots.values_figure(counts, axis, _("After normalisation"), is_dark())
        chart(figure, key="values-after")
