"""How a picture becomes a network's input, stage by stage, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.drawing import Prepared
from cnnviz.drawing.pictures import Garment
from cnnviz.interpret.inputs import Pixels, on_paper, scaled
from cnnviz.language import translate as _
from cnnviz.ui.inside.example import turned_sentence
from cnnviz.ui.shared.pictures import frame, image_address

_LONGEST = 200  # pixels of a stage's picture: more cannot be seen

Size = tuple[int, int]
"""Height and width of a picture, in pixels."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A picture (C, H, W) uint8 with a title and a sentence.

    ``frame`` is dashed around a part of it: (top, left, height, width) in its pixels. ``part`` is how much of
    the stage's square it takes, and ``ground`` the colour of the rest.
    """

    title: str
    text: str
    pixels: Pixels
    frame: tuple[int, int, int, int] | None = None
    part: float = 1.0
    ground: str = "#000"


def show(stages: Sequence[Stage]) -> None:
    """All ``stages``, in a row where there is room."""
    st.html(f'<div class="cnnviz-stages">{"".join(map(_figure, stages))}</div>')


def of_digit(
    image: NDArray[np.uint8], prepared: Prepared, *, redrawn: bool = False, given: Size | None = None
) -> list[Stage]:
    """From the picture (H, W, 4) uint8 to the 28 x 28 pixels; ``redrawn`` with a finer pen in between.

    ``given`` is the size of the file that the picture comes from; None where it was drawn here.
    """
    top, left, height, width = prepared.box
    ink = _bytes(prepared.ink)
    small = _bytes(prepared.scaled)
    return [
        _picture(image, given),
        Stage(_("Ink"), _ink_sentence(redrawn, prepared, given), ink, prepared.box),
        Stage(
            _("Bounding box"), _box_sentence(prepared, given), ink[:, top : top + height, left : left + width]
        ),
        Stage(
            _("Scaled"),
            _(
                "Its longer side is now 20 pixels, as in MNIST: {height} x {width}.",
                height=small.shape[1],
                width=small.shape[2],
            ),
            small,
            part=20 / 28,
        ),
        Stage(
            _("Centred"),
            _(
                "Its centre of mass is in the middle of 28 x 28, {top} pixels from the top and {left} "
                "from the left. This is the networks' input.",
                top=prepared.offset[0],
                left=prepared.offset[1],
            ),
            prepared.image[None],
            (*prepared.offset, small.shape[1], small.shape[2]),
        ),
    ]


def of_garment(image: NDArray[np.uint8], garment: Garment, given: Size) -> list[Stage]:
    """From the picture (H, W, 4) uint8, whose file was ``given`` large, to an image as of Fashion-MNIST."""
    cut = (
        _(
            "Cropped to what differs from the background, its longer side scaled to 28 pixels, centred "
            "in 28 x 28. This is the networks' input."
        )
        if garment.cut
        else _("The middle square, scaled to 28 x 28 pixels. This is the networks' input.")
    )
    return [
        _picture(image, given),
        Stage(_("Bright on black"), turned_sentence(garment), garment.bright[None]),
        Stage(_("Scaled"), cut, garment.image[None]),
    ]


def of_colours(image: NDArray[np.uint8], pixels: Pixels, given: Size) -> list[Stage]:
    """From the picture (H, W, 4) uint8, whose file was ``given`` large, to the ``pixels`` (3, H, W)."""
    text = _(
        "The middle square, scaled to {height} x {width} pixels in red, green and blue. This is the "
        "networks' input.",
        height=pixels.shape[1],
        width=pixels.shape[2],
    )
    return [_picture(image, given), Stage(_("Scaled"), text, pixels)]


def _picture(image: NDArray[np.uint8], given: Size | None) -> Stage:
    text = _("Your input.")
    if given is not None:
        text = _(
            "Your input: {height:,} x {width:,} pixels (height x width).", height=given[0], width=given[1]
        )
    return Stage(_("Picture"), text, on_paper(image), ground="transparent")


def _ink_sentence(redrawn: bool, prepared: Prepared, given: Size | None) -> str:
    if redrawn:
        return _(
            "The pen is thick for such a small drawing, so its strokes were enlarged and redrawn with a "
            "thinner pen."
        )
    text = _("Whatever differs from the background, in any colour, from 0 to 1.")
    height, width = prepared.ink.shape
    if given is None or given == (height, width):
        return text
    brought = _(
        "The picture was first scaled to {height} x {width} pixels (height x width).",
        height=height,
        width=width,
    )
    return f"{brought} {text}"


def _box_sentence(prepared: Prepared, given: Size | None) -> str:
    height, width = prepared.box[2:]
    if given is None or given == prepared.ink.shape:
        return _(
            "The ink fills {height} x {width} pixels (height x width); its position does not matter.",
            height=height,
            width=width,
        )
    down, across = (whole / part for whole, part in zip(given, prepared.ink.shape, strict=True))
    return _(
        "The ink fills {height} x {width} pixels (height x width), about {high:,} x {wide:,} of your "
        "picture; its position does not matter.",
        height=height,
        width=width,
        high=round(height * down),
        wide=round(width * across),
    )


def _figure(stage: Stage) -> str:
    high, wide = stage.pixels.shape[1:]
    side = f"--cnnviz-height:{stage.part * high / max(high, wide):.1%};--cnnviz-width:{stage.part * wide / max(high, wide):.1%}"
    title = escape(stage.title)
    part = "" if stage.frame is None else frame(stage.frame, (high, wide))
    return (
        f'<figure class="cnnviz-figure"><div class="cnnviz-stage" style="--cnnviz-ground:{stage.ground}">'
        f'<div class="cnnviz-framed" style="{side}">'
        f'<img src="{image_address(_smaller(stage.pixels))}" alt="{title}">{part}</div></div>'
        f"<figcaption><b>{title}</b><br>{escape(stage.text)}</figcaption></figure>"
    )


def _bytes(values: NDArray[np.float32]) -> Pixels:
    """(H, W) from 0 to 1 -> (1, H, W) uint8."""
    return np.rint(values * 255).astype(np.uint8)[None]


def _smaller(pixels: Pixels) -> Pixels:
    high, wide = pixels.shape[1:]
    factor = _LONGEST / max(high, wide)
    if factor >= 1:
        return pixels
    return scaled(pixels, (max(1, round(high * factor)), max(1, round(wide * factor))))
