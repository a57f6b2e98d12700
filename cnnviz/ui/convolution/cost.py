"""What a layer costs: parameters, multiply-adds, its line of code; and what a 1x1 convolution before it saves."""

from __future__ import annotations

from html import escape
from typing import cast

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import Op, Shape, shape_text
from cnnviz.operations.windows import detached_convolution
from cnnviz.shapes.counting import Saving, macs_formula, parameter_formula, saving
from cnnviz.shapes.sliding_window import Slide, Window
from cnnviz.ui.convolution.layer import FIELD_WIDTH, KINDS, Layer
from cnnviz.ui.shared.link_state import choose_number
from cnnviz.ui.shared.words import caption, say

_MOST_CHANNELS = 4_096
_SAVING_WIDTH = 130


def show(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """Parameters, multiply-adds and PyTorch's code of the layer, with as many channels as the person likes."""
    kind, window = KINDS[layer.kind], layer.window
    size = tuple(walk.side.count for walk in walks)
    if kind.pooling:
        say(
            _(
                "Pooling has no parameters and no multiplications. Each channel is pooled separately, "
                "so the number of channels stays the same."
            )
        )
        st.code(_pooling_code(layer.kind, window), language="python")
        return
    with st.container(horizontal=True, gap="small"):
        in_channels = choose_number(
            _("Input channels"),
            key="in",
            low=1,
            high=_MOST_CHANNELS,
            default=kind.channels,
            width=FIELD_WIDTH + 20,
        )
        maps = choose_number(
            _("Kernels = output channels"),
            key="maps",
            low=1,
            high=_MOST_CHANNELS,
            default=8,
            width=FIELD_WIDTH + 80,
        )
    kernel = (window.kernel, window.kernel)
    op = detached_convolution(in_channels, maps, kernel, (layer.height, layer.width), (size[0], size[1]))
    lines = (
        _("Output shape: **{shape}**", shape=shape_text((maps, *size))),
        _(
            "Parameters, the weights of each kernel plus one bias: **{formula}**",
            formula=parameter_formula(op),
        ),
        _("Multiply-adds, all products of all output values: **{formula}**", formula=macs_formula(op)),
    )
    st.markdown("\n".join(f"- {line}" for line in lines))
    st.code(_convolution_code(in_channels, maps, window), language="python")


def _convolution_code(in_channels: int, maps: int, window: Window) -> str:
    settings = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
    usual = {"stride": 1, "padding": 0, "dilation": 1}
    written = "".join(f", {name}={value!r}" for name, value in settings.items() if value != usual[name])
    return f"nn.Conv2d({in_channels}, {maps}, kernel_size={window.kernel}{written})"


def _pooling_code(kind: str, window: Window) -> str:
    name = "MaxPool2d" if kind == "max-pooling" else "AvgPool2d"
    settings = {"padding": window.padding, "dilation": window.dilation, "ceil_mode": window.ceil_mode}
    usual = {"padding": 0, "dilation": 1, "ceil_mode": False}
    written = "".join(f", {name}={value!r}" for name, value in settings.items() if value != usual[name])
    return f"nn.{name}(kernel_size={window.kernel}, stride={window.stride}{written})"


def show_saving() -> None:
    """Choose a convolution and a reduction; formulas, and bars drawn to scale."""
    say(
        _(
            "A 1x1 convolution mixes the channels at each pixel. Placed before a large kernel, it can "
            "reduce the number of channels, so that the large kernel has less to multiply. The default "
            "is the 5x5 branch of GoogLeNet's module 3a: 120 million multiply-adds become 12 million."
        )
    )
    notes = st.container()
    fields = (
        ("channels", _("Input channels"), 192, _MOST_CHANNELS),
        ("map", _("Height = width"), 28, 1_024),
        ("window", _("Kernel"), 5, 31),
        ("outputs", _("Output channels"), 32, _MOST_CHANNELS),
        ("reduced", _("Reduced channels"), 16, _MOST_CHANNELS),
    )
    with st.container(horizontal=True, gap="small", key="saving-numbers"):
        channels, size, kernel, outputs, reduced = (
            choose_number(label, key=key, low=1, high=high, default=default, notes=notes, width=_SAVING_WIDTH)
            for key, label, default, high in fields
        )
    found = saving(channels, (size, size), kernel, outputs, reduced)
    st.html(_bars(found))
    caption(_("Bars show the multiply-adds per image, to scale; 1x1 convolutions are striped."))
    st.markdown(_verdict(found))


def _bars(found: Saving) -> str:
    """Two bars on one scale: the direct way, and the detour in its two parts."""
    most = max(found.direct.macs, found.macs)
    return "".join(
        (
            '<div class="cnnviz-ways">',
            _way(_("Directly"), [found.direct], most),
            _way(_("With the 1x1 convolution"), [found.reduce, found.after], most),
            "</div>",
        )
    )


def _way(title: str, ops: list[Op], most: int) -> str:
    total = sum(op.macs for op in ops)
    parts = "".join(_part(op, most) for op in ops)
    lines = "".join(f"<div>{_line(op)}</div>" for op in ops)
    if len(ops) > 1:
        added = " + ".join(f"{op.macs:,}" for op in ops)
        lines += f"<div>{added} = <b>{total:,}</b></div>"
    return (
        f'<div class="cnnviz-way"><div class="cnnviz-heading">{escape(title)}: {total:,}</div>'
        f'<div class="cnnviz-cost cnnviz-kind-convolution">{parts}</div><div class="cnnviz-lines">{lines}</div></div>'
    )


def _part(op: Op, most: int) -> str:
    """A bar's part; 1x1 convolutions are striped, so that colour alone tells nothing."""
    stripes = ' class="cnnviz-striped"' if op.arguments["kernel_size"] == (1, 1) else ""
    return f'<span{stripes} style="--cnnviz-part:{op.macs / most:.4%}"></span>'


def _line(op: Op) -> str:
    kernel = "x".join(map(str, cast(Shape, op.arguments["kernel_size"])))
    return escape(f"{kernel}: {macs_formula(op)}")


def _verdict(found: Saving) -> str:
    parameters = _(
        "Parameters: {direct:,} directly, {detour:,} with the 1x1 convolution.",
        direct=found.direct.params,
        detour=found.params,
    )
    if found.ratio > 1:
        verdict = _(
            "**{ratio:.1f} times fewer multiply-adds.** With {break_even:,} or more reduced channels, "
            "there is no saving.",
            ratio=found.ratio,
            break_even=found.break_even,
        )
    else:
        verdict = _(
            "**No saving**: the 1x1 convolution pays off only with fewer than {break_even:,} reduced "
            "channels.",
            break_even=found.break_even,
        )
    return f"{verdict} {parameters}"
