"""Torchinfo's own report beside the trace's totals, and why they differ where they do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.ui.architecture.network import Network
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.shapes.torchinfo_report import Difference
    from cnnviz.tracing.trace import Trace


def show(network: Network, edits: Edits, traced: Trace) -> None:
    """The totals of both side by side, the reasons, and the report as torchinfo prints it."""
    from cnnviz.shapes.text import table_text

    with st.spinner(_("torchinfo looks at the network ...")):
        found = cached.torchinfo_report(network.name, traced.input_shape, edits)
    left, right = st.columns(2, gap="large")
    with left:
        st.html(_totals(traced, found.total_params, found.macs))
    with right:
        if found.differences:
            st.markdown(_("**Why they differ**"))
            st.markdown("\n".join(f"- {_difference(difference)}" for difference in found.differences))
        else:
            st.markdown(_("Both count the same."))
    st.subheader(_("What torchinfo prints"), anchor=False)
    st.code(found.text, language=None)
    st.subheader(_("What cnnviz prints"), anchor=False)
    st.code(table_text(traced), language=None)


def _difference(difference: Difference) -> str:
    amounts = [
        _("{count:+,} parameters", count=difference.params) if difference.params else "",
        _("{count:+,} multiply-adds", count=difference.macs) if difference.macs else "",
    ]
    head = ", ".join(filter(None, amounts))
    return f"**{head}** · {plain(difference.reason)}"


def _totals(traced: Trace, params: int, macs: int) -> str:
    from cnnviz.shapes.html import numbers, table

    lines: Sequence[tuple[str, int, int]] = (
        (_("Parameters"), traced.total_params, params),
        (_("Multiply-adds"), traced.macs, macs),
    )
    body = "".join(
        f"<tr><td>{escape(title)}</td>"
        + numbers((f"{ours:,}", f"{theirs:,}", f"{theirs - ours:+,}" if theirs != ours else "="))
        + "</tr>"
        for title, ours, theirs in lines
    )
    titles = (
        (_("One image"), "left"),
        ("cnnviz", "right"),
        ("torchinfo", "right"),
        (_("Difference"), "right"),
    )
    return table(titles, body)
