"""The layer of the Convolution page: what slides over the input, in which sizes and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.shapes.sliding_window import Padding, Window
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment

LARGEST_INPUT = 1_024
LARGEST_KERNEL = 11
_LARGEST_STRIDE = 16
_LARGEST_DILATION = 8
LARGEST_PADDING = 10
FIELD_WIDTH = 132  # of a number's field: with room for its buttons, and two side by side on a phone


@dataclass(frozen=True)
class Kind:
    """What walks over the input; ``channels`` are those of the picture's input."""

    title: Message
    channels: int
    pooling: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "convolution": Kind(Message("Convolution"), 1),
        "rgb": Kind(Message("Convolution of an RGB image"), 3),
        "max-pooling": Kind(Message("Max pooling"), 1, pooling=True),
        "average-pooling": Kind(Message("Average pooling"), 1, pooling=True),
    }
)


@dataclass(frozen=True)
class Layer:
    """The chosen layer: ``kind`` is a key of ``KINDS``, sizes are in pixels."""

    kind: str
    height: int
    width: int
    window: Window


EXAMPLES: Mapping[str, tuple[Message, Mapping[str, str]]] = MappingProxyType(
    {
        "digit": (Message("A digit's edges"), {}),
        "border": (Message("An unused border"), {"stride": "2"}),
        "uneven": (Message("Same size, even kernel"), {"padding": "same", "kernel": "4", "weights": "blur"}),
        "dilation": (Message("Dilation"), {"dilation": "2"}),
        "colours": (Message("Three channels"), {"layer": "rgb", "input": "discs"}),
        "one": (
            Message("A 1x1 kernel"),
            {"layer": "rgb", "kernel": "1", "input": "discs", "mix": "red-green"},
        ),
        "ceil": (
            Message("Pooling with rounding up"),
            {"layer": "max-pooling", "height": "9", "width": "9", "rounding": "up"},
        ),
        "alexnet": (
            Message("AlexNet's first layer"),
            {"height": "224", "width": "224", "kernel": "11", "stride": "4", "padding": "2", "maps": "96"},
        ),
    }
)
_OWN = (
    "layer", "height", "width", "kernel", "stride", "padding", "dilation", "rounding",
    "in", "maps", "input", "weights", "own", "mix", "bias", "at", "speed",
)  # fmt: skip


def examples() -> None:
    """Buttons that show something worth seeing."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="examples"):
        st.markdown(_("**Try an example**"))
        for name, (title, parameters) in EXAMPLES.items():
            st.button(str(title), key=f"example-{name}", type="tertiary", on_click=_show, args=(parameters,))


def _show(parameters: Mapping[str, str]) -> None:
    for name in _OWN:
        st.query_params.pop(name, None)
    st.query_params.update(parameters)


def choose() -> Layer:
    """The widgets of the layer; every choice is in the link."""
    kind = choose_segment(
        _("Operation"),
        list(KINDS),
        key="layer",
        kind=Message("layer"),
        title=lambda key: str(KINDS[key].title),
        label_visibility="collapsed",
    )
    pooling = KINDS[kind].pooling
    notes = st.container()
    with st.container(horizontal=True, gap="small", key="numbers"):
        height, width = (
            choose_number(
                label, key=key, low=1, high=LARGEST_INPUT, default=10, notes=notes, width=FIELD_WIDTH
            )
            for key, label in (("height", _("Input height")), ("width", _("Input width")))
        )
        kernel = _number("kernel", _("Kernel"), LARGEST_KERNEL, 2 if pooling else 3, notes)
        stride = _number("stride", _("Stride"), _LARGEST_STRIDE, 2 if pooling else 1, notes)
        padding = _padding()
        dilation = 1
        if kind != "average-pooling":  # PyTorch's has none
            dilation = _number("dilation", _("Dilation"), _LARGEST_DILATION, 1, notes)
        ceil_mode = pooling and _rounding() == "up"
    return Layer(kind, height, width, Window(kernel, stride, padding, dilation, ceil_mode, pooling))


def _number(key: str, label: str, high: int, default: int, notes: DeltaGenerator) -> int:
    return choose_number(label, key=key, low=1, high=high, default=default, notes=notes, width=FIELD_WIDTH)


def _padding() -> Padding:
    named: dict[str, Padding] = {"same": "same", "valid": "valid"}
    numbers = [str(padding) for padding in range(LARGEST_PADDING + 1)]
    chosen = choose_one(
        _("Padding"),
        [*numbers, *named],
        key="padding",
        kind=Message("padding"),
        title=lambda key: {"same": _("same"), "valid": _("valid")}.get(key, key),
        width=FIELD_WIDTH,
    )
    return named[chosen] if chosen in named else int(chosen)


def _rounding() -> str:
    return choose_one(
        _("Rounding"),
        ["down", "up"],
        key="rounding",
        kind=Message("rounding"),
        title=lambda key: {"down": _("down"), "up": _("up (ceil_mode)")}[key],
        width=FIELD_WIDTH + 50,
    )
