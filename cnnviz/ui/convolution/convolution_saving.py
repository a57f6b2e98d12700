"""What a 1x1 convolution saves, on the Convolution page."""

from __future__ import annotations

from html import escape
from typing import cast

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import Op, Shape
from cnnviz.plots import palette
from cnnviz.shapes.counting import Saving, macs_formula, saving
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_number

_MOST = 4_096
_WIDTH = 130


def show() -> None:
    """Choose a convolution and a reduction; formulas, and bars drawn to scale."""
    st.write(
        _(
            "A 1x1 convolution looks at one pixel and mixes its channels. Placed before a large kernel, it can "
            "first reduce the channels, and the large kernel then has less to multiply. The default is the 5x5 "
            "branch of GoogLeNet's module 3a: 120 million multiply-adds become 12 million."
        )
    )
    notes = st.container()
    fields = (
        ("channels", _("Input channels"), 192, _MOST),
        ("map", _("Height = width"), 28, 1_024),
        ("window", _("Kernel"), 5, 31),
        ("outputs", _("Output channels"), 32, _MOST),
        ("reduced", _("Reduced channels"), 16, _MOST),
    )
    with st.container(horizontal=True, gap="small", key="saving-numbers"):
        channels, size, kernel, outputs, reduced = (
            choose_number(label, key=key, low=1, high=high, default=default, notes=notes, width=_WIDTH)
            for key, label, default, high in fields
        )
    found = saving(channels, (size, size), kernel, outputs, reduced)
    st.html(_bars(found))
    st.caption(_("Bars show the multiply-adds of one image, drawn to scale; 1x1 convolutions are striped."))
    st.markdown(_verdict(found))


def _bars(found: Saving) -> str:
    """Two bars on one scale: the direct way, and the detour in its two parts."""
    most = max(found.direct.macs, found.macs)
    return "".join(
        (
            '<div style="display:grid;gap:.9rem">',
            _way(_("Directly"), [found.direct], most),
            _way(_("Through the 1x1 convolution"), [found.reduce, found.after], most),
            "</div>",
        )
    )


def _way(title: str, ops: list[Op], most: int) -> str:
    total = sum(op.macs for op in ops)
    parts = "".join(_part(op, most) for op in ops)
    lines = "".join(f'<div style="font-variant-numeric:tabular-nums">{_line(op)}</div>' for op in ops)
    if len(ops) > 1:
        added = " + ".join(f"{op.macs:,}" for op in ops)
        lines += f'<div style="font-variant-numeric:tabular-nums">{added} = <b>{total:,}</b></div>'
    return (
        f'<div><div style="font-weight:650;margin-bottom:.25rem">{escape(title)}: {total:,}</div>'
        f'<div style="display:flex;gap:2px;height:2.2rem;background:color-mix(in srgb, currentColor 7%, transparent);'
        f'border-radius:.3rem;overflow:hidden">{parts}</div>'
        f'<div style="margin-top:.3rem;font-size:.95rem">{lines}</div></div>'
    )


def _part(op: Op, most: int) -> str:
    """A bar's part; 1x1 convolutions are striped, so that colour alone tells nothing."""
    colour = palette.kind("convolution").colour(is_dark())
    small = op.arguments["kernel_size"] == (1, 1)
    stripes = (
        f"repeating-linear-gradient(45deg, {colour} 0 6px, color-mix(in srgb, {colour} 45%, white) 6px 11px)"
    )
    style = f"width:{op.macs / most:.4%};min-width:2px;background:{stripes if small else colour}"
    return f'<div style="{style}"></div>'


def _line(op: Op) -> str:
    kernel = "x".join(map(str, cast(Shape, op.arguments["kernel_size"])))
    return escape(f"{kernel}: {macs_formula(op)}")


def _verdict(found: Saving) -> str:
    parameters = _(
        "Parameters: {direct:,} directly, {detour:,} through the 1x1 convolution.",
        direct=found.direct.params,
        detour=found.params,
    )
    if found.ratio > 1:
        verdict = _(
            "**{ratio:.1f} times fewer multiply-adds.** From {break_even:,} reduced channels on nothing would be "
            "saved.",
            ratio=found.ratio,
            break_even=found.break_even,
        )
    else:
        verdict = _(
            "**Nothing is saved**: the detour costs as much or more, unless it reduces to fewer than "
            "{break_even:,} channels.",
            break_even=found.break_even,
        )
    return f"{verdict} {parameters}"
