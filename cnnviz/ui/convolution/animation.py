"""The kernel walking over a small input: what is chosen here, and what the browser gets to draw it.

Arithmetic, drawing and time are JavaScript (the folder ``sliding_window``): a page that asked the server for every
step could not follow a mouse. What the person stops at comes back, so that the link leads there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.errors import shortened
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.shapes.sliding_window import (
    IMAGES,
    KERNELS,
    Kernel,
    Slide,
    image_title,
    kernel_text,
    parse_kernel,
    preset_kernel,
    small_image,
)
from cnnviz.ui.convolution.layer import KINDS, Layer
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import PLACE, choose_number, choose_one, choose_text, place_in_link
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import explained, link_problem
from cnnviz.ui.shared.query import query

LARGEST_PICTURE = 256
"""Pixels a side; the arithmetic of a larger input is the same, and nobody could see its pixels."""

SPEEDS = (0.5, 1, 2, 4, 8, 16, 32, 64)
"""Output values a second, as in sliding_window.js."""

_TINTS = ((255, 255, 255),)
_COLOUR_TINTS = ((255, 84, 84), (72, 214, 104), (110, 150, 255))
_MIXES = {"alike": (1, 1, 1), "red": (1, 0, 0), "red-green": (1, -1, 0)}
_component = in_browser(
    Path(__file__).parent / "sliding_window",
    ("canvas", "arithmetic", "picture", "terms", "view", "sliding_window"),
)


@fragment()
def show(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """Choose what is computed, and watch it: a choice here reruns nothing else of the page."""
    if max(layer.height, layer.width) > LARGEST_PICTURE:
        st.info(
            _(
                "The picture shows inputs of up to {most} x {most} pixels. Everything else on this page "
                "also works for larger ones.",
                most=LARGEST_PICTURE,
            )
        )
        return
    with explained():
        with st.container(horizontal=True, gap="small", key="picture-choices"):
            image = _choose_image(layer)
            weights = _choose_weights(layer)
            bias = _choose_bias(layer)
        data = layer_data(layer, walks, image, weights, bias)
        counts = (walks[0].side.count, walks[1].side.count)
        _component(
            data={
                "layer": data,
                "text": _texts(layer),
                "palette": {"light": palette.DIVERGING_LIGHT, "dark": palette.DIVERGING_DARK},
                "at": _stop_in_link(*counts),
                "speed": _speed_in_link(),
            },
            key="sliding_window",
            on_at_change=_write_stop,
            on_speed_change=_write_speed,
        )


def _choose_image(layer: Layer) -> NDArray[np.uint8]:
    """The input's pixels, 0 to 9: (1, H, W) or (3, H, W)."""
    name = choose_one(
        _("Picture"),
        IMAGES,
        key="input",
        kind=Message("picture"),
        title=lambda key: str(image_title(key)),
        default="digit-3" if KINDS[layer.kind].channels == 1 else "discs",
        width=165,
    )
    digits = cached.sample_digits() if name.startswith("digit-") else None
    colour = KINDS[layer.kind].channels > 1
    return small_image(name, (layer.height, layer.width), colour, digits)


def _choose_weights(layer: Layer) -> list[Kernel]:
    """The kernel's weights for each channel; none for pooling."""
    size, channels = layer.window.kernel, KINDS[layer.kind].channels
    if KINDS[layer.kind].pooling:
        return []
    name = choose_one(
        _("Kernel"),
        [*KERNELS, "own"],
        key="weights",
        kind=Message("kernel"),
        title=lambda key: str(KERNELS[key].title) if key in KERNELS else _("Custom"),
        default="vertical-edges" if size > 1 else "identity",
        width=165,
    )
    kernel = _choose_own(size) if name == "own" else preset_kernel(name, size)
    if channels == 1:
        return [kernel]
    mix = choose_one(
        _("Slices of the kernel"),
        list(_MIXES),
        key="mix",
        kind=Message("kernel slices"),
        title=lambda key: {
            "alike": _("all the same"),
            "red": _("red only"),
            "red-green": _("red minus green"),
        }[key],
        default="alike" if size > 1 else "red-green",
        width=165,
    )
    return [kernel * factor for factor in _MIXES[mix]]


def _choose_own(size: int) -> Kernel:
    example = kernel_text(preset_kernel("blur" if size == 1 else "vertical-edges", size))
    text = choose_text(_("Weights, with / between rows"), key="own", default=example, width=346)
    return parse_kernel(text, size)


def _choose_bias(layer: Layer) -> float:
    kind = KINDS[layer.kind]
    if kind.pooling:
        return 0.0
    return choose_number(
        _("Bias"),
        key="bias",
        low=-99.0,
        high=99.0,
        default=1.0 if kind.channels > 1 else 0.0,
        step=1.0,
        format="%g",
        width=120,
    )


def layer_data(
    layer: Layer, walks: tuple[Slide, Slide], image: NDArray[np.uint8], weights: list[Kernel], bias: float
) -> dict[str, Any]:
    """The layer as arithmetic.js reads it."""
    down, across = walks
    colour = len(image) > 1
    return {
        "mode": {"max-pooling": "max", "average-pooling": "mean"}.get(layer.kind, "sum"),
        "height": layer.height,
        "width": layer.width,
        "kernel": layer.window.kernel,
        "stride": layer.window.stride,
        "dilation": layer.window.dilation,
        "top": down.side.before,
        "bottom": down.side.after,
        "left": across.side.before,
        "right": across.side.after,
        "rows": down.side.count,
        "columns": across.side.count,
        "beyond_rows": down.overhang,
        "beyond_columns": across.overhang,
        "unread_rows": down.unread,
        "unread_columns": across.unread,
        "planes": ["".join(map(str, plane.ravel())) for plane in image],
        "kernels": [kernel.ravel().tolist() for kernel in weights],
        "bias": bias,
        "tints": _COLOUR_TINTS if colour else _TINTS,
        "names": [_("Red"), _("Green"), _("Blue")] if colour else [""],
    }


def _texts(layer: Layer) -> dict[str, Any]:
    """What the picture says; words in braces are filled in by the browser."""
    average = layer.kind == "average-pooling"
    return {
        "input": _("Input"),
        "image": _("Image"),
        "output": _("Output"),
        "enlarged": _("Output (enlarged)"),
        "patch": _("Patch"),
        "kernel": _("Kernel"),
        "products": _("Products"),
        "bias": _("bias"),
        "sum_of": _("sum:"),
        "sum": _("sum of {count} products:"),
        "values": _("{count} values"),
        "position": _("Output row {row} (0 to {last_row}), column {column} (0 to {last_column})"),
        "first": _("Back to the start"),
        "back": _("Step back"),
        "play": _("Play"),
        "pause": _("Pause"),
        "forward": _("Step forward"),
        "scrub": _("Position of the window"),
        "speed": _("{speed} per second"),
        "speed_label": _("Speed in output values per second"),
        "keys": _("Arrow keys select a value; the space bar plays and pauses."),
        "hint": _(
            "Point at an output value to see its patch, or at an input pixel to see which values use it."
        ),
        "readers": _("This input pixel contributes to {count} output values."),
        "marks": {
            "now": _("current window and its output"),
            "padding": _("padding, counts as 0")
            if layer.kind != "max-pooling"
            else _("padding, never the maximum"),
            "gap": _("gaps from dilation, skipped"),
            "unread": _("never read by any window"),
            "beyond": _("past the input, does not count") if average else _("past the input"),
        },
    }


def _write_stop() -> None:
    """The browser says where the person stopped (row and column from 1, as links have always had them), or "": the walk goes on."""
    stop = st.session_state["sliding_window"].get("at")
    st.session_state["_window_stop"] = stop
    if stop:
        query[PLACE] = str(stop)
    else:
        query.drop(PLACE)


def _stop_in_link(rows: int, columns: int) -> int | None:
    """The index of the output value at which the link stops the walk."""
    # A stop that was right until the person changed the layer is none of the link's faults.
    place = place_in_link(rows, columns, first=1, was_right=st.session_state.get("_window_stop"))
    return None if place is None else place[0] * columns + place[1]


def _write_speed() -> None:
    speed = st.session_state["sliding_window"].get("speed")
    if speed in SPEEDS:
        query["speed"] = f"{speed:g}"


def _speed_in_link() -> float | None:
    named = query.get("speed")
    speeds = {f"{speed:g}": speed for speed in SPEEDS}
    if named is None or named in speeds:
        return speeds.get(named or "")
    query.drop("speed")
    link_problem(
        Message(
            "speed={value} in the link cannot be used; available: {known}.",
            value=shortened(named),
            known=", ".join(speeds),
        )
    )
    return None
