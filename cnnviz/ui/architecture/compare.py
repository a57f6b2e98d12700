"""The network beside another one (sums, kinds, shapes, layers), and beside torchinfo's report of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.language import translate as _
from cnnviz.models import TORCHVISION
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette
from cnnviz.plots.palette import chip
from cnnviz.shapes.table import numbers, table
from cnnviz.ui.architecture import network
from cnnviz.ui.architecture.layers import picture
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.carried import FIRST_NETWORK
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption, marked

if TYPE_CHECKING:
    from cnnviz.operations.op import Kind
    from cnnviz.shapes.torchinfo_report import Difference
    from cnnviz.tracing.trace import Trace

_HIGH = 24
"""Rows of a table beside another one; a longer table scrolls by itself, so that both ends stay in reach."""

_HEIGHT = 720
_OF_TORCHVISION = (f"{TORCHVISION}alexnet", f"{TORCHVISION}vgg16")
"""What one of torchvision's models is compared with at first."""


def show(subject: Subject) -> None:
    """The network of the page, as it is changed there, beside another one as it is."""
    first, edits, traced = subject.network, subject.edits, subject.trace
    second = network.get(network.pick(_("Compare with"), "with", _partner(first)))
    # The same input goes into both wherever both are made for the same one.
    same = first.input_shape == second.input_shape
    other = cached.trace(second.name, traced.input_shape if same else second.input_shape)
    own = cached.own_networks(owner())  # several may have one title; here they are numbered
    names = (own.get(first.name, first.title), own.get(second.name, second.title))
    if first.name == second.name and edits:
        names = (_("{title} (changed)", title=first.title), _("{title} (original)", title=first.title))
    if not same:
        caption(_("The two networks expect different inputs, so each gets its own."))
    _sums(names, (traced, other))
    for column, title, one in zip(st.columns(2, gap="large"), names, (traced, other), strict=True):
        with column:
            if one.ops:
                picture(one, title)
            _layers(one)


def _partner(chosen: Network) -> str:
    """Another network of the same family and group, or of the same group; of torchvision's, its AlexNet."""
    if chosen.is_own or chosen.is_hosted:
        return FIRST_NETWORK
    if chosen.architecture is None:
        return next(name for name in _OF_TORCHVISION if name != chosen.name)
    mates = [known for known in architectures.registered() if known.group == chosen.architecture.group]
    family = [known for known in mates if known.family == chosen.architecture.family]
    return next(known.key for known in (*family, *mates) if known.key != chosen.name)


def _sums(names: tuple[str, str], traces: tuple[Trace, Trace]) -> None:
    from cnnviz.shapes.counting import by_kind, depth
    from cnnviz.shapes.table import outputs_text

    left, right = traces
    if left.total_params and left.macs:
        st.markdown(
            plain(
                _(
                    "{second} has {params:,.2f} times the parameters and {macs:,.2f} times the "
                    "multiply-adds of {first}.",
                    first=names[0],
                    second=names[1],
                    params=right.total_params / left.total_params,
                    macs=right.macs / left.macs,
                )
            )
        )
    output = [outputs_text(one) or "✗" for one in traces]
    depths = [depth(one).weighted for one in traces]
    body = _words(_("Input"), [shape_text(one.input_shape) for one in traces])
    body += _words(_("Output"), output)
    body += _numbers(_("Parameters"), left.total_params, right.total_params, bold=True)
    body += _numbers(_("Multiply-adds"), left.macs, right.macs, bold=True)
    body += _numbers(_("Operations"), len(left.ops), len(right.ops))
    body += _numbers(_("Depth (layers with parameters)"), depths[0], depths[1])
    kinds = (by_kind(left), by_kind(right))
    for kind in dict.fromkeys((*kinds[0], *kinds[1])):
        body += _of_kind(kind, kinds[0].get(kind, (0, 0, 0)), kinds[1].get(kind, (0, 0, 0)))
    titles = (("", "left"), (names[0], "right"), (names[1], "right"), (_("Ratio"), "right"))
    st.html(table(titles, body, marked))
    for title, one in zip(names, traces, strict=True):
        if one.failure:
            st.error(plain(f"{title}: {one.failure.message}"), icon=":material/heart_broken:")


def _of_kind(kind: Kind, left: Sequence[int], right: Sequence[int]) -> str:
    """Rows for one kind of operation: how many there are and what they hold, where they hold anything."""
    mark, title = chip(kind), str(palette.kind(kind).title)
    rows = _numbers(_("{kind}: count", kind=title), left[0], right[0], mark)
    if left[1] or right[1]:
        rows += _numbers(_("{kind}: parameters", kind=title), left[1], right[1], mark)
    if left[2] or right[2]:
        rows += _numbers(_("{kind}: multiply-adds", kind=title), left[2], right[2], mark)
    return rows


def _numbers(title: str, left: int, right: int, mark: str = "", bold: bool = False) -> str:
    ratio = "=" if left == right else f"{right / left:,.2f}" if left else "-"
    return _row(title, (f"{left:,}", f"{right:,}", ratio), mark, bold)


def _words(title: str, values: Iterable[str]) -> str:
    return _row(title, (*values, ""))


def _row(title: str, values: Iterable[str], mark: str = "", bold: bool = False) -> str:

    emphasis = ' class="cnnviz-sum"' if bold else ""
    # The first column may wrap: on a phone the numbers have the room.
    return f'<tr{emphasis}><td class="cnnviz-wide">{mark} {escape(title)}</td>{numbers(values)}</tr>'


def _layers(traced: Trace) -> None:
    from cnnviz.shapes.table import rows

    shown = [row for row in rows(traced, functions=True) if not row.container]
    body = "".join(
        f"<tr><td>{chip(row.kind)} {escape(row.name)}</td>"
        + numbers((shape_text(row.output_shape), f"{row.params:,}", f"{row.macs:,}"))
        + "</tr>"
        for row in shown
    )
    titles = (
        (_("Operation"), "left"),
        (_("Output shape"), "right"),
        (_("Parameters"), "right"),
        (_("Multiply-adds"), "right"),
    )
    caption(_("All {count:,} operations, in order of execution:", count=len(shown)))
    with st.container(height=_HEIGHT if len(shown) > _HIGH else "content", border=len(shown) > _HIGH):
        st.html(table(titles, body, marked))


def show_torchinfo(subject: Subject) -> None:
    """The totals of both side by side, the reasons, and the report as torchinfo prints it."""
    from cnnviz.shapes.text import table_text

    network, edits, traced = subject.network, subject.edits, subject.trace
    with st.spinner(_("torchinfo is analysing the network ...")):
        found = cached.torchinfo_report(network.name, traced.input_shape, edits)
    left, right = st.columns(2, gap="large")
    with left:
        st.html(_torchinfo_totals(traced, found.total_params, found.macs))
    with right:
        if found.differences:
            st.markdown(_("**Why they differ**"))
            st.markdown("\n".join(f"- {_difference(difference)}" for difference in found.differences))
        else:
            st.markdown(_("Both counts agree."))
    st.subheader(_("torchinfo's output"), anchor=False)
    st.code(found.text, language=None)
    st.subheader(_("cnnviz's output"), anchor=False)
    st.code(table_text(traced), language=None)


def _difference(difference: Difference) -> str:
    amounts = [
        _("{count:+,} parameters", count=difference.params) if difference.params else "",
        _("{count:+,} multiply-adds", count=difference.macs) if difference.macs else "",
    ]
    head = ", ".join(filter(None, amounts))
    return f"**{head}** · {plain(difference.reason)}"


def _torchinfo_totals(traced: Trace, params: int, macs: int) -> str:

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
        (_("Per image"), "left"),
        ("cnnviz", "right"),
        ("torchinfo", "right"),
        (_("Difference"), "right"),
    )
    return table(titles, body, marked)
