"""The layer of the Convolution page: what slides over the input, how large the output is, what no window reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.language import Message, sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.shapes.sliding_window import Padding, Remedy, Slide, Window, remedies, rule
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import meaning, say

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
            st.button(str(title), key=f"example-{name}", type="tertiary", on_click=_try, args=(parameters,))


def _try(parameters: Mapping[str, str]) -> None:
    query.change(parameters, forget=_OWN)


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
    return choose_number(
        label,
        key=key,
        low=1,
        high=high,
        default=default,
        notes=notes,
        width=FIELD_WIDTH,
        help=meaning(key),
    )


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
        help=meaning("padding"),
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


def show_size(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """The size by its formula; what no window reads, where there is any, with buttons that change it."""
    with st.container(border=True, key="size"):
        _answer(layer, walks)
        _unread(layer, walks)


def _answer(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """The output's size by its formula, and what is remarkable about the padding."""
    st.html(_formula(layer, walks))
    _remarks(layer.window, walks)


def _formula(layer: Layer, walks: tuple[Slide, Slide]) -> str:
    """The rule in letters, the rule with numbers, and the size that comes of it."""
    sides = list(zip((_("height"), _("width")), walks, strict=True))
    if walks[0].side == walks[1].side:
        sides = [("", walks[0])]
    lines = "".join(
        f"<div>{escape(f'{name}: ' if name else '')}{escape(walk.side.formula)}</div>" for name, walk in sides
    )
    legend = ", ".join(_letters(layer.window))
    told = _("Output: {size}", size=shape_text(tuple(walk.side.count for walk in walks)))
    return (
        '<div class="cnnviz-rule">'
        f'<div><div class="cnnviz-letters">{escape(rule(layer.window))}</div>'
        f'<div class="cnnviz-legend-of-letters">{escape(legend)}</div></div>'
        f'<div class="cnnviz-with-numbers">{lines}</div><div class="cnnviz-result">{escape(told)}</div></div>'
    )


def _letters(window: Window) -> list[str]:
    """What the letters in the rule stand for."""
    before, after = window.pads
    letters = [_("n input"), _("k kernel"), _("s stride")]
    if window.padding != "valid":
        letters.append(_("p padding on each side") if before == after else _("p total padding of both sides"))
    if window.dilation > 1:
        letters.append(_("d dilation"))
    return letters


def _remarks(window: Window, walks: tuple[Slide, Slide]) -> None:
    before, after = window.pads
    span = window.span
    if window.padding == "valid":
        say(
            _(
                "Padding 'valid' means none: one value for each position where the whole kernel lies "
                "inside the input."
            )
        )
    elif window.padding == "same" and before == after:
        st.write(
            _(
                "Padding 'same' makes up for the {lost} rows and columns that a kernel spanning {span} "
                "removes: {before} on each side.",
                lost=span - 1,
                span=span,
                before=before,
            )
        )
    elif window.padding == "same":
        st.write(
            _(
                "Padding 'same' must make up for {lost} rows and columns, an odd number: {before} at "
                "the top and left, but {after} at the bottom and right. An odd kernel is padded evenly.",
                lost=span - 1,
                before=before,
                after=after,
            )
        )
    overhang = max(walk.overhang for walk in walks)
    if overhang:
        st.write(
            _(
                "Because of rounding up, the last window extends {overhang} past the input and its "
                "padding; cells there do not count.",
                overhang=overhang,
            )
        )
    if any(walk.side.dropped for walk in walks):
        st.write(
            _("Rounding up would add one window, but it would start past the input, so PyTorch drops it.")
        )


def _unread(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """What no window reads, and buttons that change it."""
    if not any(walk.unread for walk in walks):
        return
    offers = [remedy for remedy in remedies(layer.window, layer.height, layer.width) if _possible(remedy)]
    with st.container(key="unread"):
        st.markdown(sentences(_sentences(layer, *walks)))
        if not offers:
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(_("To read all pixels:"))
            for number, remedy in enumerate(offers):
                label = _label(layer, remedy)
                st.button(label, key=f"remedy-{number}", on_click=_apply, args=(remedy,))


def _sentences(layer: Layer, down: Slide, across: Slide) -> list[str]:
    count = layer.height * layer.width
    read = (layer.height - len(down.unread)) * (layer.width - len(across.unread))
    sentences = [_("**{lost:,} of {count:,} input pixels are never read.**", lost=count - read, count=count)]
    if down.border or across.border:
        sentences.append(
            _(
                "Unused border: rows at the bottom: {rows}, columns on the right: {columns}.",
                rows=down.border,
                columns=across.border,
            )
        )
    rows, columns = (len(walk.unread) - walk.border for walk in (down, across))
    if rows or columns:
        sentences.append(
            _("Skipped between windows: rows: {rows}, columns: {columns}.", rows=rows, columns=columns)
        )
    return sentences


def _possible(remedy: Remedy) -> bool:
    """Whether the widgets go that far."""
    most = {"height": LARGEST_INPUT, "width": LARGEST_INPUT, "padding": LARGEST_PADDING}
    return all(value <= most.get(name, value) for name, value in remedy.changes)


def _label(layer: Layer, remedy: Remedy) -> str:
    changes = dict(remedy.changes)
    if "stride" in changes:
        return _("stride {stride}", stride=changes["stride"])
    if "padding" in changes:
        return _("padding {padding}", padding=changes["padding"])
    if "ceil_mode" in changes:
        return _("round up")
    size = (changes.get("height", layer.height), changes.get("width", layer.width))
    return _("input {size}", size=shape_text(size))


def _apply(remedy: Remedy) -> None:
    changes = dict(remedy.changes)
    rounding = {"rounding": "up"} if changes.pop("ceil_mode", False) else {}
    query.change({**rounding, **{name: str(value) for name, value in changes.items()}})
