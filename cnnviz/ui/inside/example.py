"""The image that goes through the network: from a data set, uploaded, or drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cnnviz import datasets
from cnnviz.classroom.controls import Control
from cnnviz.datasets import DatasetInfo
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import controls
from cnnviz.ui.shared.background import Turns
from cnnviz.ui.shared.downloads import choose_data_set
from cnnviz.ui.shared.frame import DRAW, link
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment, put_in_link
from cnnviz.ui.shared.pictures import image_address
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.uploads import check_upload, most_megabytes, tell_refused
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.drawing.pictures import Garment

CLOTHING = "fashion-mnist"

_SHOWN = 200  # pixels
_DRAWING = "drawn"  # the Draw page's drawing in the session

OF_THE_DATA = ("digit", "image")
"""Parameters of the link that mean nothing for another data set."""

ALL = "all"
"""Stands for all classes."""

KEPT = 512
"""Pixels of the longer side that are kept of an image: more than any network here takes."""

_TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]
_OWN_IMAGE = "own-image"
_MILLION = 1_000_000

_turns = Turns()  # a picture of 25 megapixels is 100 MB while it is read

SOURCES: Mapping[str, Message] = {
    "data": Message("Data set"),
    "upload": Message("Upload"),
    "drawing": Message("My drawing"),
}


@dataclass(frozen=True, eq=False)
class Example:
    """One image: ``pixels`` (C, H, W) uint8, what it is (``title``), and where it comes from.

    ``label`` is its class in the data set ``dataset``; both are None where nobody knows.
    """

    pixels: NDArray[np.uint8]
    title: str
    dataset: str | None = None
    label: int | None = None

    def label_for(self, weights: Weights) -> int | None:
        """The image's label, if it is one of the network's classes; else None."""
        known = self.dataset is not None and weights.dataset is not None
        if known and datasets.get(str(self.dataset)).classes == datasets.get(str(weights.dataset)).classes:
            return self.label
        return None


@dataclass(frozen=True, eq=False)
class OwnImage:
    """``image`` (H, W, 4) uint8 of at most :data:`KEPT` pixels a side, of a file whose ``size`` was (height,
    width) pixels.
    """

    image: NDArray[np.uint8]
    size: tuple[int, int]


def choose_example(weights: Weights) -> Example | None:
    """The image in the link: its source, and for a data set its class and number.

    None where a person has to draw or to choose it first; the page says so.

    Raises:
        CnnvizError: it is missing or cannot be read; the message says what to do.
    """
    source = choose_segment(_("Image from"), SOURCES, key="source", kind=Message("source"))
    if source == "upload":
        pixels = choose_upload(weights)
        return None if pixels is None else Example(pixels, _("Your image"))
    if source == "drawing":
        return _drawing()
    return _of_data_set(weights)


def show(example: Example) -> None:
    """The image with its title."""
    with st.container(width=_SHOWN, gap="small"):
        caption(plain(example.title))
        picture = image_address(example.pixels)
        st.html(f'<img class="cnnviz-photo" src="{picture}" alt="{escape(example.title)}">')


def _drawing() -> Example | None:
    image = recalled_drawing()
    if image is None:
        st.info(_("Nothing drawn yet: draw a digit, then come back."), icon=":material/draw:")
        link(DRAW, _("Draw a digit"))
        return None
    return Example(image[None], _("Your drawing"))


def _of_data_set(weights: Weights) -> Example:
    notes = st.container()
    source, picked, number = st.columns([2, 5, 2], vertical_alignment="bottom")
    with source:
        info = choose_data(weights)
    return choose_image(info, notes, picked, number)


def choose_image(
    info: DatasetInfo, notes: DeltaGenerator, picked: DeltaGenerator, number: DeltaGenerator
) -> Example:
    """The test image in the link, given by class and number.

    What is wrong with the link is said in the container ``notes``; the choices of class and number go into
    ``picked`` and ``number``.

    Raises:
        CnnvizError: the data set is missing or damaged.
    """
    with picked:
        label = _choose_class(info)
    data = datasets.load(info.key)
    labels = data.test_labels.numpy()
    places = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    with number:
        chosen = _choose_number(len(places), notes)
    index = int(places[chosen - 1])
    found = int(labels[index])
    values = {"number": chosen, "count": len(places), "label": info.class_title(found)}
    title = (
        _("Image {number:,} of {count:,}, label {label}", **values)
        if label is None
        else _("Image {number:,} of {count:,} with label {label}", **values)
    )
    return Example(data.test_images[index].numpy(), title, info.key, found)


def choose_data(weights: Weights) -> DatasetInfo:
    """A data set; by default the network's own if it is on this machine, else a similar one."""
    offered = _offered(weights)
    usual = next(filter(datasets.is_available, offered), offered[0])
    return choose_data_set(offered, usual, forget=OF_THE_DATA)


def _offered(weights: Weights) -> list[str]:
    """All data sets: the network's own, those with the same classes, those with the same channels, the others."""
    own = None if weights.dataset is None else datasets.get(weights.dataset)

    def distance(info: DatasetInfo) -> int:
        if own is not None and info.key == own.key:
            return 0
        if own is not None and info.classes == own.classes:
            return 1
        return 2 if info.input_shape[0] == weights.input_shape[0] else 3

    return [info.key for info in sorted(datasets.registered(), key=distance)]


def _choose_class(info: DatasetInfo) -> int | None:
    """The class to choose from; None for all."""
    classes: Sequence[str] = info.classes
    chosen = choose_one(
        _("Class"),
        [ALL, *classes],
        key="digit",
        kind=Message("class"),
        title=lambda name: _("all") if name == ALL else info.class_title(classes.index(name)),
        forget=("image",),
        widget=partial(st.pills, required=True, wrap=True) if len(classes[0]) < 2 else st.selectbox,
    )
    return None if chosen == ALL else classes.index(chosen)


def _choose_number(count: int, notes: DeltaGenerator) -> int:
    """The number of the image among ``count``, from 1."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = choose_number(_("Image"), key="image", low=1, high=count, default=1, notes=notes, width=120)
        st.button(
            _("Next image"), key="next", icon=":material/skip_next:", on_click=_next_number, args=(count,)
        )
    return number


def _next_number(count: int) -> None:
    put_in_link("image", st.session_state["image"] % count + 1, default=1)


def choose_upload(weights: Weights) -> NDArray[np.uint8] | None:
    """The uploaded image file, (C, H, W) uint8; None if there is none yet.

    For a network that reads handwritten digits, or pieces of clothing, it is prepared as these were.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    own = own_image()
    return None if own is None else _pixels(own.image, weights)


def own_image(camera: bool = False) -> OwnImage | None:
    """The image file that a person chose, or the photo that was taken; None where there is none yet.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    if not controls.may_use(Control.UPLOADS):
        controls.say_hidden()
        return None
    if camera:
        file = st.camera_input(_("Photo"), key="camera")
    else:
        file = st.file_uploader(_upload_label(), type=_TYPES, key="upload", max_upload_size=_most_megabytes())
    tell_refused("camera" if camera else "upload")
    kept = _OWN_IMAGE if not camera else f"{_OWN_IMAGE}-camera"
    if file is not None and st.session_state.get(kept, ("", None))[0] != file.file_id:
        st.session_state.pop(kept, None)
        place = st.empty()
        check_upload(file.size)
        data, name = file.getvalue(), file.name
        read = _turns.do(lambda: _read_own(data, name), lambda before: _tell_place(place, before))
        place.empty()
        st.session_state[kept] = file.file_id, read
    if kept not in st.session_state:
        st.info(
            _("Choose a picture: the network sees it, but it is not stored."), icon=":material/upload_file:"
        )
        return None
    own: OwnImage = st.session_state[kept][1]
    return own


def _tell_place(place: DeltaGenerator, before: int) -> None:
    if before:
        place.info(
            _("Large pictures are read one at a time; before yours: {before:,}.", before=before),
            icon="spinner",
        )


def _most_megabytes() -> int:
    """What the widget takes: as much as is read of an image file, and no more than the server takes."""
    from cnnviz.drawing.pictures import MAX_BYTES

    return min(math.ceil(MAX_BYTES / _MILLION), most_megabytes())


def _upload_label() -> str:
    from cnnviz.drawing.pictures import MAX_PIXELS

    return _("Image file (up to {limit} megapixels)", limit=MAX_PIXELS // _MILLION)


def _read_own(data: bytes, name: str) -> OwnImage:
    from cnnviz.drawing.pictures import read_reduced
    from cnnviz.interpret.inputs import scaled

    rgba, (height, width) = read_reduced(data, name, KEPT)
    factor = min(1.0, KEPT / max(height, width))
    size = max(1, round(height * factor)), max(1, round(width * factor))
    small = np.ascontiguousarray(scaled(rgba.transpose(2, 0, 1), size).transpose(1, 2, 0))
    return OwnImage(small, (height, width))


def _pixels(rgba: NDArray[np.uint8], weights: Weights) -> NDArray[np.uint8] | None:
    from cnnviz.interpret.inputs import on_paper

    if weights.reads == "digits":
        return _digit(rgba)
    return _garment(rgba) if weights.reads == "clothing" else on_paper(rgba)


def _digit(rgba: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    from cnnviz.drawing.pictures import digit_from_picture

    prepared = digit_from_picture(rgba)
    if prepared is None:
        st.info(_("No digit found in this picture."), icon=":material/draw:")
        return None
    caption(
        _(
            "This network recognises handwritten digits, so the ink was located, scaled to 20 pixels "
            "and centred in 28 x 28, as in MNIST."
        )
    )
    return prepared.image[None]


def _garment(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from cnnviz.drawing.pictures import garment_from_picture

    garment = garment_from_picture(rgba)
    caption(turned_sentence(garment))
    return garment.image[None]


def remember_drawing(image: NDArray[np.uint8] | None) -> None:
    """Keep the drawing as networks get it, (28, 28) uint8, 255 is ink; None where nothing is drawn."""
    st.session_state[_DRAWING] = image


def recalled_drawing() -> NDArray[np.uint8] | None:
    """What :func:`remember_drawing` kept last; None where nothing is drawn yet."""
    image: NDArray[np.uint8] | None = st.session_state.get(_DRAWING)
    return image


def turned_sentence(garment: Garment) -> str:
    """A sentence that says whether the picture was inverted, and why."""
    if garment.turned:
        return _(
            "The picture is dark on light, but Fashion-MNIST is bright on black, so it was converted to "
            "greyscale and inverted."
        )
    return _(
        "The picture is bright on dark, like Fashion-MNIST: it was converted to greyscale and its "
        "background made black."
    )
