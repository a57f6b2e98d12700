"""What no window reads, on the Convolution page, and what would change that."""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.shapes.op import shape_text
from cnnviz.shapes.walk import Remedy, Walk, remedies
from cnnviz.ui.convolution import LARGEST_INPUT, LARGEST_PADDING, Layer


def show(layer: Layer, walks: tuple[Walk, Walk]) -> None:
    """What no window reads, and buttons that change it."""
    down, across = walks
    if not down.unread and not across.unread:
        return
    lost = layer.height * layer.width - (layer.height - len(down.unread)) * (layer.width - len(across.unread))
    with st.container(key="unread"):
        sentences = [
            _(
                "**{lost:,} of {count:,} input pixels are never read.**",
                lost=lost,
                count=layer.height * layer.width,
            )
        ]
        if down.border or across.border:
            sentences.append(
                _(
                    "Left over at the border: {rows} of the rows at the bottom, {columns} of the columns at the right.",
                    rows=down.border,
                    columns=across.border,
                )
            )
        between = (len(down.unread) - down.border, len(across.unread) - across.border)
        if any(between):
            sentences.append(
                _(
                    "Skipped between the windows: {rows} rows, {columns} columns.",
                    rows=between[0],
                    columns=between[1],
                )
            )
        st.markdown(" ".join(sentences))
        offers = [remedy for remedy in remedies(layer.window, layer.height, layer.width) if _possible(remedy)]
        if offers:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(_("All are read with"))
                for number, remedy in enumerate(offers):
                    st.button(
                        _remedy_label(layer, remedy), key=f"remedy-{number}", on_click=_apply, args=(remedy,)
                    )


def _possible(remedy: Remedy) -> bool:
    """Whether the widgets go that far."""
    most = {"height": LARGEST_INPUT, "width": LARGEST_INPUT, "padding": LARGEST_PADDING}
    return all(value <= most.get(name, value) for name, value in remedy.changes)


def _remedy_label(layer: Layer, remedy: Remedy) -> str:
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
