"""How large the output of the layer is, and what no window reads of the input."""

from __future__ import annotations

from html import escape

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.shapes.sliding_window import Remedy, Slide, Window, remedies, rule
from cnnviz.ui.convolution.layer import LARGEST_INPUT, LARGEST_PADDING, Layer


def show(layer: Layer, walks: tuple[Slide, Slide]) -> None:
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
        st.write(
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
        st.markdown(" ".join(_sentences(layer, *walks)))
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
    for name, value in remedy.changes:
        if name == "ceil_mode":
            st.query_params["rounding"] = "up"
        else:
            st.query_params[name] = str(value)
