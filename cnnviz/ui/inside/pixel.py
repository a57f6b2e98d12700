"""One output value of a layer, taken apart in the browser: the patch, the kernel, the products, the sum.

Hovering is answered by JavaScript (the folder ``pixels``) from what was sent once. Where a layer has more
input channels than have room in a megabyte, the others follow for the place where a person stops.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.language import language, sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import Op
from cnnviz.plots import palette
from cnnviz.shapes.sliding_window import KERNELS, preset_kernel
from cnnviz.ui.inside.weights import Weights, choose_layer
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import PLACE, choose_number, place_in_link, put_in_link
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.query import query

if TYPE_CHECKING:
    from cnnviz.interpret.pixel import Arithmetic

_component = in_browser(
    Path(__file__).parent / "pixels",
    ("canvas", "payload", "bars", "sums", "terms", "view", "pixels"),
    styles=("bars",),
)


@fragment()
def show(weights: Weights, image: ImageKey) -> None:
    """Choose a layer and an output channel, and point at an output value to see where it comes from.

    ``image`` is what :meth:`Weights.image_key` gives. The choices stand in the link as ``layer``, ``channel``
    and ``at``; a choice reruns this part of the page alone.
    """
    with explained():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            op = _choose_op(weights)
            layer = cached.arithmetic(weights.key, image, op.index)
            channel = _choose_channel(layer)
        place = place_in_link(*layer.output.shape[1:])
        classes = weights.classes if len(weights.classes) == op.output_shape[0] else ()
        _component(
            data=_data(layer, channel, place, f"{weights.key} {hash(image)} {op.index}", classes),
            key="pixels",
            on_at_change=_write_place,
        )


def _choose_op(weights: Weights) -> Op:
    from cnnviz.interpret.pixel import can_be_shown

    trace = weights.trace
    shapes = {op.name: op.output_shape for op in trace.ops if can_be_shown(op)}
    return trace.op(choose_layer(weights, shapes, width=360))


def _choose_channel(layer: Arithmetic) -> int:
    outputs = len(layer.output)
    if outputs == 1:
        return 0
    vector = layer.output.shape[1:] == (1, 1)
    label = _("Output value (0 to {last:,})") if vector else _("Output channel (0 to {last:,})")
    return choose_number(
        label.format(last=outputs - 1),
        key="channel",
        low=0,
        high=outputs - 1,
        default=_default_channel(layer),
        width=220,
    )


def _default_channel(layer: Arithmetic) -> int:
    """The largest value of a vector, as that may be the network's answer; else the first channel."""
    if layer.output.shape[1:] != (1, 1):
        return 0
    return int(np.nan_to_num(layer.output).argmax())


def _data(
    layer: Arithmetic, channel: int, place: tuple[int, int] | None, name: str, classes: tuple[str, ...]
) -> bytes:
    from cnnviz.interpret.pixel import Payload, describe, others

    payload = Payload()
    facts = describe(layer, channel, payload)
    row, column = place or _busiest(layer, channel)
    if len(facts["channels"]) < facts["sources"]:
        facts["others"] = others(layer, channel, (row, column), payload, facts["channels"])
    at = channel if facts["vector"] else row * layer.output.shape[2] + column
    return payload.pack(
        {
            **facts,
            "name": name if facts["vector"] else f"{name} {channel}",
            "at": at,
            "texts": _texts(layer, classes),
            "palette": {"light": palette.DIVERGING_LIGHT, "dark": palette.DIVERGING_DARK},
        }
    )


def _busiest(layer: Arithmetic, channel: int) -> tuple[int, int]:
    """Where the output is largest, so that there is something to see."""
    values = np.nan_to_num(layer.output[channel])
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return int(row), int(column)


def _write_place() -> None:
    """Store where the person stopped: row and column, or the index in a vector, from 0."""
    place = st.session_state["pixels"].get("at")
    if not isinstance(place, str):
        return
    if place.isdecimal():
        put_in_link("channel", int(place), default=-1)
    else:
        query[PLACE] = place


def _presets(layer: Arithmetic) -> dict[str, Any]:
    """Kernels to put in place of a learned one: their titles, and their weights row by row."""
    high, wide = layer.rows.shape[1], layer.columns.shape[1]
    if high != wide or high < 2:
        return {}
    return {
        name: {"title": str(preset.title), "kernel": preset_kernel(name, high).ravel().tolist()}
        for name, preset in KERNELS.items()
        if high >= preset.least
    }


def _texts(layer: Arithmetic, classes: tuple[str, ...]) -> dict[str, Any]:
    """All texts of the view; the browser fills in the words in braces."""
    return {
        "language": language(),
        "presets": _presets(layer),
        "names": list(classes),
        "output": _("Output"),
        "outputs": _("Output values"),
        "output_channel": _("Output channel {channel}"),
        "output_edited": _("Output channel {channel} with your kernel"),
        "output_value": _("Output value {number} (0 to {last})"),
        "input_channel": _("Input channel {channel} (0 to {last})"),
        "input_only": _("Input (one channel)"),
        "input_other": _("Patch of input channel {channel}"),
        "input_vector": _("Input: {count} values"),
        "position": _("Output row {row} (0 to {last_row}), column {column} (0 to {last_column})"),
        "patch": _("Patch"),
        "kernel": _("Kernel"),
        "products": _("Products"),
        "weight": _("Weight in row {row}, column {column}"),
        "kernel_is": _("Kernel:"),
        "learned": _("as learned"),
        "with_others": _("including the other channels and the bias"),
        "channel": _("channel {channel}"),
        "products_sum": _("sum of the products"),
        "others": _("{count} other channels"),
        "others_ask": _("{count} other channels (click to show)"),
        "bias": _("bias"),
        "sum": _("Total:"),
        "mean": _("the sum {sum}, divided by {count}"),
        "maximum": _("the largest of {count} values"),
        "same": _("PyTorch computed {computed}: the same, up to float32 rounding."),
        "different": _("PyTorch computed {computed}; the difference is {difference}."),
        "edited": _("With the learned kernel, PyTorch computed {computed}."),
        "ask": _("Click this value to see how it is computed."),
        "keys": _("The arrow keys select a value."),
        "hint": _hint(layer),
    }


def _hint(layer: Arithmetic) -> str:
    """How to use the view."""
    parts = [_("Point at an output value; click to stay there.")]
    if layer.mode == "sum" and len(layer.sources(0)) > 1:
        parts.append(_("Click a channel to see its patch."))
    if layer.mode == "sum" and layer.output.shape[1:] != (1, 1):
        parts.append(_("Change the kernel's weights to see the output change."))
    return sentences(parts)
