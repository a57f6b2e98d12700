"""Where the parameters and the multiply-adds of a network sit, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.shapes.table import legend
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.operations.op import Kind
    from cnnviz.shapes.counting import Quantity, Share
    from cnnviz.tracing.trace import Trace

MOST_BARS = 20
_WEIGHTED: tuple[Kind, ...] = ("convolution", "linear")


def show(subject: Subject) -> None:
    """Two figures side by side, parameters and multiply-adds, with the sentences that they say."""
    network, edits, traced = subject.network, subject.edits, subject.trace
    found = cached.shares(network.name, traced.input_shape, edits, MOST_BARS)
    st.markdown(" ".join(filter(None, (_by_kind(traced, kind) for kind in _WEIGHTED))))
    st.html(legend(dict.fromkeys(kind for share in found for kind in (*share.params, *share.macs))))
    left, right = st.columns(2, gap="large")
    with left:
        _figure(
            found,
            "params",
            traced.total_params,
            _("Parameters by layer"),
            _("parameters"),
        )
    with right:
        _figure(
            found,
            "macs",
            traced.macs,
            _("Multiply-adds by layer"),
            _("multiply-adds per image"),
        )
    if any(share.layers > 1 for share in found):
        st.caption(_("A block with several layers is a single bar; the graph can be folded in the same way."))


def _by_kind(traced: Trace, kind: Kind) -> str:
    """What all layers of one kind hold together; nothing where there are none."""
    from cnnviz.plots.architecture import percent
    from cnnviz.shapes.counting import by_kind

    count, params, macs = by_kind(traced).get(kind, (0, 0, 0))
    if not count or not traced.total_params or not traced.macs:
        return ""
    return _(
        "**{title}**: {params} of the parameters, {macs} of the multiply-adds.",
        title=palette.kind(kind).title,
        params=percent(params, traced.total_params),
        macs=percent(macs, traced.macs),
    )


def _figure(found: Sequence[Share], quantity: Quantity, total: int, title: str, axis: str) -> None:
    from cnnviz.plots.architecture import Bar, bars
    from cnnviz.shapes.counting import largest

    shown, rest = largest(found, quantity, MOST_BARS)
    if not shown:
        st.caption(_("No layer here has {title}.", title=title))
        return
    entries = [Bar(_name(share), share.type, dict(share.by_kind(quantity).items())) for share in shown]
    if rest:
        entries.append(Bar(_("all others"), "", {"other": rest}))
    st.plotly_chart(
        bars(entries, total, title, axis, is_dark()), key=f"bars-{quantity}", config={"displayModeBar": False}
    )
    st.markdown(plain(_largest(shown, quantity, total)))


def _largest(shown: Sequence[Share], quantity: Quantity, total: int) -> str:
    from cnnviz.plots.architecture import percent

    first = max(shown, key=lambda share: share.total(quantity))
    count = first.total(quantity)
    values = {"name": _name(first), "count": count, "total": total, "percent": percent(count, total)}
    if quantity == "params":
        return _("{name} alone has {count:,} of {total:,} parameters ({percent}).", **values)
    return _("{name} alone needs {count:,} of {total:,} multiply-adds ({percent}).", **values)


def _name(share: Share) -> str:
    """The layer's path; a bare number, as in a Sequential, says more with the layer's type."""
    number = share.path.rpartition(".")[2].isdigit()
    return f"{share.path} ({share.type})" if number and share.type else share.path
