"""What a layer costs, on the Convolution page: parameters, multiply-adds, and its line of code."""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.layer import convolution
from cnnviz.operations.op import shape_text
from cnnviz.shapes.counting import macs_formula, parameter_formula
from cnnviz.shapes.sliding_window import Slide, Window
from cnnviz.ui.convolution.convolution import FIELD_WIDTH, KINDS, Layer
from cnnviz.ui.shared.link_state import choose_number

_MOST_CHANNELS = 4_096


def show(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """Parameters, multiply-adds and PyTorch's code of the layer, with as many channels as the person likes."""
    kind, window = KINDS[layer.kind], layer.window
    size = tuple(walk.side.count for walk in walks)
    if kind.pooling:
        st.write(
            _(
                "Pooling has no parameters and multiplies nothing. Each channel is pooled by itself: as many "
                "channels come out as go in."
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
    op = convolution(in_channels, maps, kernel, (layer.height, layer.width), (size[0], size[1]))
    lines = (
        _("Output shape: **{shape}**", shape=shape_text((maps, *size))),
        _("Parameters, the weights of each kernel and a bias: **{formula}**", formula=parameter_formula(op)),
        _("Multiply-adds, the products of all output values: **{formula}**", formula=macs_formula(op)),
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
