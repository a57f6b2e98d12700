"""What no window reads, on the Convolution page, and what would change that."""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.shapes.sliding_window import Remedy, Slide, remedies
from cnnviz.ui.convolution.convolution import LARGEST_INPUT, LARGEST_PADDING, Layer


def show(layer: Layer, walks: tuple[Slide, Slide]) -> None:
    """What no window reads, and buttons that change it."""
    if not any(walk.unread for walk in walks):
        return
    offers = [remedy for remedy in remedies(layer.window, layer.height, layer.width) if _possible(remedy)]
    with st.container(key="unread"):
        st.markdown(" ".join(_sentences(layer, *walks)))
        if not offers:
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(_("All are read with"))
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
                "Left over at the border: rows at the bottom: {rows}, columns at the right: {columns}.",
                rows=down.border,
                columns=across.border,
            )
        )
    rows, columns = (len(walk.unread) - walk.border for walk in (down, across))
    if rows or columns:
        sentences.append(
            _("Skipped between the windows: rows: {rows}, columns: {columns}.", rows=rows, columns=columns)
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
        return _("rounding up")
    size = (changes.get("height", layer.height), changes.get("width", layer.width))
    return _("input {size}", size=shape_text(size))


def _apply(remedy: Remedy) -> None:
    for name, value in remedy.changes:
        if name == "ceil_mode":
            st.query_params["rounding"] = "up"
        else:
            st.query_params[name] = str(value)
