"""The test images that activate a feature map most, with the patch that it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.language import Message, sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import Op, product, shape_text
from cnnviz.plots.maps import image_png
from cnnviz.ui.inside import example
from cnnviz.ui.inside.weights import Weights, choose_op, choose_page
from cnnviz.ui.shared import background, cached
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_number, choose_one, put_in_link
from cnnviz.ui.shared.pictures import Tile, frame, png_address, tiles
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.datasets import DatasetInfo
    from cnnviz.datasets.loading import Dataset
    from cnnviz.interpret.activations import TopActivations

PAGE = 64
"""Maps per page, each shown as the patch that activates it most."""

Box = tuple[int, int, int, int]
"""A patch in an image: (top, left, height, width), in pixels."""


@dataclass(frozen=True, eq=False)
class _Search:
    """A search for the top activations of ``op`` among ``count`` images of a test set."""

    weights: Weights
    op: Op
    info: DatasetInfo
    count: int

    @property
    def data(self) -> Dataset:
        return datasets.load(self.info.key)

    @property
    def available(self) -> int:
        return len(self.data.test_labels)

    @property
    def usual_count(self) -> int:
        """The default number of images to search."""
        from cnnviz.interpret.activations import usual_count

        trace = self.weights.trace
        return usual_count(trace, self.op, self.available)

    @property
    def key(self) -> tuple[object, ...]:
        """The cache key of the result; the weights' key holds their digest."""
        return "excitation", self.weights.key, self.op.index, self.data.digest, self.count

    def run(self, progress: background.Progress) -> TopActivations:
        """Search the images; ``progress`` is called with 0..1."""
        from cnnviz.interpret.activations import spread, top_activations_among

        images = self.data.test_images[spread(self.count, self.available)]
        asked = (self.weights.trace, self.op, self.weights.preparing, images)
        return cached.computed(self.weights.key, top_activations_among, *asked, progress=progress)

    def image(self, found: TopActivations, number: int, rank: int) -> int:
        """The index of the test image of this ``rank`` (from 0) among the top activations of map ``number``."""
        from cnnviz.interpret.activations import spread

        return int(spread(self.count, self.available)[found.images[number, rank]])

    def seen(self, found: TopActivations, number: int, rank: int) -> tuple[NDArray[np.uint8], Box]:
        """That image as the network sees it, and the patch that gives the map's largest value."""
        pixels = self.data.test_images[self.image(found, number, rank)].numpy()
        image = self.weights.preparing.key(pixels).seen()
        field = self.weights.receptive_fields[self.op.index]
        shape = self.op.output_shape
        width = shape[-1] if len(shape) == 3 else 1
        place = int(found.rows[number, rank]) * width + int(found.columns[number, rank])
        index = np.unravel_index(number * (product(shape) // shape[0]) + place, shape)
        (top, height), (left, wide) = field.of(tuple(int(entry) for entry in index))
        return image, _within((top, left, height, wide), image.shape[1:])


@fragment()
def show(shown: Sequence[Weights]) -> None:
    """For the op in the link's ``layer``: each map's strongest patch, and the top images of one map.

    Where two networks are shown, the top images are those of each.
    """
    with explained():
        weights = shown[0]
        with st.container(horizontal=True, vertical_alignment="bottom", key="excited-choices"):
            op = choose_op(weights)
            with st.container(width=200):
                info = example.choose_data(weights)
            count = _choose_count(weights, op, info)
        searches = [_Search(each, op, info, count) for each in shown]
        found = [_result(search) for search in searches]
        st.write(plain(_told(searches[0], found[0])))
        chosen = _patches(searches[0], found[0])
        for search, each in zip(searches, found, strict=True):
            _top(search, each, chosen)
        caption(
            _(
                "Below each picture: the map's value there, its maximum in this image, and the image's "
                "true class, such as {example}.",
                example=_captioned(searches[0], found[0], chosen, 0),
            )
        )
        field = weights.receptive_fields[op.index]
        if not field.known:
            caption(
                _(
                    "cnnviz cannot follow how {op} and the operations before it move pixels. Pixels "
                    "outside the frame cannot affect the value; it may depend on fewer still.",
                    op=op.name,
                )
            )
            return
        caption(
            _(
                "The frame is the receptive field, {size} input pixels, as far as it lies within the "
                "image: pixels outside it cannot affect the value. The patch is shown next to it.",
                size=shape_text(field.size),
            )
        )


def _result(search: _Search) -> TopActivations:
    title = _(
        "Running {count:,} images through {title}", count=search.count, title=plain(search.weights.title)
    )
    return background.result(search.key, search.run, title)


def _choose_count(weights: Weights, op: Op, info: DatasetInfo) -> int:
    """How many images to search."""
    from cnnviz.interpret.activations import COUNTS, usual_count

    trace = weights.trace
    available = len(datasets.load(info.key).test_labels)
    usual = usual_count(trace, op, available)
    offered = sorted({*(count for count in COUNTS if count < available), min(available, COUNTS[-1]), usual})
    with st.container(width=150):
        chosen = choose_one(
            _("Images"),
            [str(count) for count in offered],
            key="images",
            kind=Message("number of images"),
            title=lambda text: f"{int(text):,}",
            default=str(usual),
        )
    return int(chosen)


def _told(search: _Search, found: TopActivations) -> str:
    parts = [
        _(
            "Each picture shows the patch that activates one map of {op} most strongly, among {seen:,} "
            "test images of {data}. What its top nine patches have in common is what the map detects.",
            op=search.op.name,
            seen=found.seen,
            data=search.info.title,
        )
    ]
    if found.seen < search.available:
        parts.append(
            _(
                "{seen:,} of {available:,} images, evenly spread, were searched.",
                seen=found.seen,
                available=search.available,
            )
        )
        if search.count == search.usual_count:
            parts.append(_("Searching more images would take too long with a network of this size."))
    dead = int((found.active == 0).sum())
    if dead:
        parts.append(
            _("{dead} of {total} maps are never positive on any of them.", dead=dead, total=len(found.active))
        )
    return sentences(parts)


def _patches(search: _Search, found: TopActivations) -> int:
    """Every map as its strongest patch, clickable; returns the number of the chosen map."""
    total = len(found.active)
    with st.container(horizontal=True):
        numbers: list[int] = choose_page(np.arange(total), PAGE, "part").tolist()
        with st.container(width=150):
            chosen = choose_number(_("Map"), key="map", low=0, high=total - 1, default=numbers[0])

    def draw() -> tuple[bytes, ...]:
        return tuple(image_png(_cut(*search.seen(found, number, 0))) for number in numbers)

    pictures = cached.drawings((*search.key, "patches", numbers[0]), draw)
    tiles(
        [_tile(found, number, png) for number, png in zip(numbers, pictures, strict=True)],
        key="patches",
        chosen=chosen,
        on_pick=partial(put_in_link, "map", default=numbers[0]),
        side=60,
    )
    return chosen


def _tile(found: TopActivations, number: int, png: bytes) -> Tile:
    dead = not found.active[number]
    note = _("Map {number}: {value:.3g}", number=number, value=float(found.values[number, 0]))
    return Tile(number, png, _("{number} · dead", number=number) if dead else str(number), note, dead)


def _top(search: _Search, found: TopActivations, chosen: int) -> None:
    """The images that activate the chosen map most."""
    ranks = range(found.values.shape[1])
    title = _(
        "{title}: the {top} images that activate map {number} of {op} most strongly",
        title=search.weights.title,
        number=chosen,
        op=search.op.name,
        top=len(ranks),
    )
    st.subheader(plain(title), anchor=False)

    def draw() -> tuple[bytes, ...]:
        shown = [search.seen(found, chosen, rank) for rank in ranks]
        return tuple(image_png(part) for image, box in shown for part in (image, _cut(image, box)))

    pictures = cached.drawings((*search.key, "top", chosen), draw)
    figures = [
        _figure(search, found, chosen, rank, pictures[2 * rank], pictures[2 * rank + 1]) for rank in ranks
    ]
    st.html(f'<div class="cnnviz-top">{"".join(figures)}</div>')


def _figure(
    search: _Search, found: TopActivations, number: int, rank: int, whole: bytes, patch: bytes
) -> str:
    text = escape(_captioned(search, found, number, rank))
    _channels, height, width = search.weights.input_shape
    receptive = frame(search.seen(found, number, rank)[1], (height, width))
    return (
        '<figure class="cnnviz-figure"><div class="cnnviz-pair">'
        f'<div class="cnnviz-framed">{_picture(whole, text)}{receptive}</div>'
        f"<div>{_picture(patch, '')}</div></div><figcaption>{text}</figcaption></figure>"
    )


def _captioned(search: _Search, found: TopActivations, number: int, rank: int) -> str:
    """A picture's caption: the map's value, and the image's class."""
    label = search.data.test_labels[search.image(found, number, rank)]
    return f"{_three_digits(float(found.values[number, rank]))} · {search.info.class_title(int(label))}"


def _three_digits(value: float) -> str:
    """``value`` with three digits, as 1.50 and 303."""
    return f"{value:#.3g}".rstrip(".")


def _picture(png: bytes, description: str) -> str:
    return f'<img class="cnnviz-photo" src="{png_address(png)}" alt="{description}">'


def _within(patch: Box, size: tuple[int, ...]) -> Box:
    """The part of a patch inside an image of ``size``: a receptive field may reach into the padding."""
    top, left = max(0, patch[0]), max(0, patch[1])
    bottom, right = min(size[0], patch[0] + patch[2]), min(size[1], patch[1] + patch[3])
    return top, left, max(1, bottom - top), max(1, right - left)


def _cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    top, left, height, width = box
    return image[:, top : top + height, left : left + width]
