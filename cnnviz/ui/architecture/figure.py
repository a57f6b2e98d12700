"""The network as a figure for a report, to download from the graph's view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.link_state import choose_segment
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnnviz.tracing.trace import Trace


def offer(trace: Trace, name: str, title: str) -> None:
    """Buttons that download the figure as SVG, PDF and TikZ; it is drawn when one of them is pressed."""
    from cnnviz.shapes.figure.styles import STYLES
    from cnnviz.shapes.figure.writers import MIME, WRITERS

    if trace.failure is not None:
        return
    with st.popover(_("Figure for a report"), icon=":material/draw:", key="figure"):
        style = choose_segment(
            _("Style"),
            list(STYLES),
            key="figure-style",
            kind=Message("style"),
            title=lambda key: str(STYLES[key][0]),
        )
        with st.container(horizontal=True):
            for suffix, write in WRITERS.items():
                label = "TikZ" if suffix == ".tex" else suffix[1:].upper()
                file_name = f"{name.replace(':', '-')}-{style}{suffix}"
                made = _made(trace, title, style, write)
                save_button(label, made, file_name, key=f"figure-{suffix[1:]}", mime=MIME[suffix])
        caption(
            _(
                "Vector graphics stay sharp at any size. Where all layers would be too many, blocks are drawn "
                "as one box each. TikZ is for LaTeX: copy the picture into your report, or compile the file alone."
            )
        )


def _made(trace: Trace, title: str, style: str, write: Callable[..., bytes]) -> Callable[[], bytes]:
    def make() -> bytes:
        from cnnviz.shapes.figure.figure import figure

        return write(figure(trace, title, style))

    return make
