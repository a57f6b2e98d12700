"""A network's layers: their shapes as a picture drawn to scale, the summary table, and the code that makes them."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.models import definition_of
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette
from cnnviz.plots.palette import legend
from cnnviz.shapes.repeats import folded
from cnnviz.shapes.table import layers
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_switch
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, columns, marked

if TYPE_CHECKING:
    from cnnviz.operations.op import Unexecuted
    from cnnviz.shapes.derivation import Derivation
    from cnnviz.shapes.table import Row
    from cnnviz.tracing.trace import Trace

_OUTSIDE = (
    Message(
        "{count:,} of the parameters are not in any row, because they are used directly, outside a "
        "layer, such as those of attention."
    ),
    Message(
        "{count:,} of the parameters are used only in training, such as those of auxiliary classifiers; "
        "the shapes shown are from evaluation mode."
    ),
    Message("{count:,} of the parameters are declared but not used in this forward pass."),
)
"""Of parameters in the three groups of :func:`cnnviz.shapes.table.outside_of_layers`."""

SENTENCE = Message(
    "Maps are drawn to scale; each doubling of the channels adds a sheet to the stack. A thin column is "
    "a vector."
)
_FUNCTIONS = "operations"
_CODE_HEIGHT = 640
_HIGH = 13
"""Rows of a table beside the editor; a longer one scrolls by itself, so that the editor stays in sight."""
_LIVE_HEIGHT = 640
_SIDE = 84  # of the largest map, in pixels
_SMALLEST = 3
_SHIFT = 4  # from one sheet of a stack to the next
_MOST_SHEETS = 9
_DOUBLING = 7  # pixels that a column grows each time the features double
_FRONT, _BEHIND = 0.35, 0.08  # how opaque the sheets of a stack are


def show(subject: Subject) -> None:
    """The table, the network's own code beside it where somebody wants it, and the shapes as a picture."""
    if subject.network.is_own:  # its table stands beside the editor
        _below(subject, _rows(subject, functions=query.get(_FUNCTIONS) == "true"))
    else:
        _beside_code(subject)
    picture(subject.trace, _("Shapes through {title}", title=subject.network.title))


def _beside_code(subject: Subject) -> None:
    with st.container(horizontal=True):
        rows = _choose_rows(subject)
        beside = choose_switch(_("Show the code next to the table"), key="beside")
    left, right = st.columns([3, 2]) if beside else (st.container(), None)
    with left:
        _table(subject.trace, rows, windows=True)
        _below(subject, rows)
    if right is not None:
        with right:
            _source(subject.network)


def show_live(subject: Subject) -> None:
    """The table for the narrow place beside an editor."""
    rows = _choose_rows(subject)
    long = len(rows) > _HIGH
    with st.container(height=_LIVE_HEIGHT if long else "content", border=long):
        _table(subject.trace, rows)
    _warnings(subject)


def picture(traced: Trace, title: str) -> None:
    """The shapes along the network, drawn to scale, with their formulas."""
    from cnnviz.shapes.derivation import stations

    start = traced.input_shape
    blocks = [Block(_("input"), "other", start, shape_text(start))]
    blocks += [
        Block(step.op.name, step.op.kind, step.result, step.substituted)
        for step in stations(start, _whole(traced).steps)
    ]
    st.subheader(plain(title), anchor=False)
    broken = traced.failure.name if traced.failure else None
    st.html(pipeline(blocks, broken, is_dark()))
    caption(str(SENTENCE))


def _choose_rows(subject: Subject) -> Sequence[Row]:
    label = _("Show functional operations (relu, cat, flatten, ...)")
    return _rows(subject, functions=choose_switch(label, key=_FUNCTIONS))


def _rows(subject: Subject, functions: bool) -> Sequence[Row]:
    """The rows of the summary table: layers alone, or with functional operations."""
    from cnnviz.shapes.table import rows

    return rows(subject.trace, functions=True) if functions else subject.layers


def _table(traced: Trace, rows: Sequence[Row], windows: bool = False) -> None:
    """The summary table, and what its colours and counts mean; ``windows`` adds a column."""
    short = folded(rows)
    if len(short) < len(rows) and choose_switch(
        _("Show all repeated blocks ({count:,} rows)", count=len(rows)), key="unfolded"
    ):
        short = tuple(rows)
    st.html(layers(short, traced, windows=windows, brief=not windows, heading=marked))
    st.html(legend(dict.fromkeys(row.kind for row in rows if row.kind)))
    caption(
        _(
            "{trainable:,} trainable parameters, {frozen:,} frozen. One multiplication plus one "
            "addition counts as one multiply-add; the bias is not counted.",
            trainable=traced.trainable_params,
            frozen=traced.total_params - traced.trainable_params,
        )
    )


def _below(subject: Subject, rows: Sequence[Row]) -> None:
    """What is below the table: parameters outside of it, warnings, and the table to take away."""
    from cnnviz.shapes.table import with_rest
    from cnnviz.shapes.text import torchsummary_text

    traced = subject.trace
    _outside_of_layers(traced)
    if not subject.network.is_own:
        _warnings(subject)
    _downloads(subject.network.file_name, with_rest(rows, traced))
    with st.expander(_("As text, in torchsummary's format")):
        st.code(torchsummary_text(traced, layers=subject.layers), language=None)


def _warnings(subject: Subject) -> None:
    """What the network's author has probably not meant, each with its reason."""
    with st.container(key="warnings"):
        for warning in subject.warnings:
            st.warning(f"**{plain(warning.text)}** {plain(warning.reason)}", icon=":material/warning:")


def _outside_of_layers(traced: Trace) -> None:
    """Parameters of the total that stand in no row: of layers that are not called, or used directly."""
    from cnnviz.shapes.table import outside_of_layers

    if traced.failure:
        return
    for entries, text in zip(outside_of_layers(traced), _OUTSIDE, strict=True):
        if entries:
            told = _(text.template, count=sum(entry.params for entry in entries))
            _parameters(told, entries, traced)


def _parameters(told: str, entries: Sequence[Unexecuted], traced: Trace) -> None:
    """Names and numbers of parameters below the sentence that is told of them, and which op they go into."""
    found: dict[str, list[str] | list[int]] = {
        _("Parameter"): [entry.name for entry in entries],
        _("Count"): [entry.params for entry in entries],
    }
    if entries[0].name in traced.used_directly:
        found[_("Used by")] = [traced.ops[traced.used_directly[entry.name]].name for entry in entries]
    with st.expander(told):
        st.dataframe(found, hide_index=True, alt=told, column_config=columns(found))


def _whole(traced: Trace) -> Derivation:
    """The derivation of the output, which is the network's main road."""
    from cnnviz.shapes.derivation import derive, derive_failure

    if traced.failure:
        return derive_failure(traced)
    return derive(traced, traced.output.index if traced.output else len(traced.ops) - 1)


@dataclass(frozen=True)
class Block:
    """One shape on the way: ``name`` and ``kind`` of the op that gives it; ``note`` says how.

    ``shape`` is (C, H, W), (features,) or (tokens, features).
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    note: str


def pipeline(blocks: Sequence[Block], broken: str | None, dark: bool) -> str:
    """All ``blocks``, arrows between them; ``broken`` names the op that the last one does not fit into."""
    largest = max((max(block.shape[1:]) for block in blocks if len(block.shape) == 3), default=1)
    stacks = [_sheets(block.shape, largest) for block in blocks]
    height = max(_extent(sheets)[1] for sheets in stacks)
    cells = [
        _cell(block, _stack(sheets, palette.kind(block.kind).colour(dark)))
        for block, sheets in zip(blocks, stacks, strict=True)
    ]
    if broken is not None:
        cells.append(f'<span class="cnnviz-break">✗ {escape(broken)}</span>')
    # The arrows stand at the height of the pictures' middle.
    arrow = '<span class="cnnviz-arrow" aria-hidden="true">→</span>'
    return f'<div class="cnnviz-pipeline" style="--cnnviz-height:{height:.0f}px">{arrow.join(cells)}</div>'


def _cell(block: Block, picture: str) -> str:
    note = "" if block.note in ("", shape_text(block.shape)) else escape(block.note)
    return (
        f'<div class="cnnviz-block {palette.kind_class(block.kind)}"><div class="cnnviz-stack">{picture}</div>'
        f'<div class="cnnviz-label"><div class="cnnviz-note">{escape(block.name)}</div>'
        f'<div class="cnnviz-shape">{shape_text(block.shape)}</div><div class="cnnviz-how">{note}</div></div></div>'
    )


def _sheets(shape: tuple[int, ...], largest: int) -> tuple[float, float, int]:
    """Width and height of a sheet in pixels, and the number of sheets."""
    if len(shape) == 3:
        height, width = (max(_SMALLEST, _SIDE * size / largest) for size in shape[1:])
        return width, height, min(_MOST_SHEETS, 1 + round(math.log2(shape[0])))
    features = _DOUBLING * math.log2(1 + shape[-1]) if shape else _SMALLEST
    tokens = _DOUBLING * math.log2(1 + math.prod(shape[:-1])) if len(shape) > 1 else 2 * _SMALLEST
    return tokens, features, 1


def _extent(sheets: tuple[float, float, int]) -> tuple[float, float]:
    """Width and height of a whole stack with its lines, in pixels."""
    width, height, count = sheets
    behind = _SHIFT * (count - 1) + 2
    return width + behind, height + behind


def _stack(sheets: tuple[float, float, int], colour: str) -> str:
    width, height, count = sheets
    across, down = _extent(sheets)
    rectangles = "".join(
        f'<rect x="{1 + _SHIFT * sheet}" y="{1 + _SHIFT * (count - 1 - sheet)}" width="{width:.1f}" '
        f'height="{height:.1f}" fill="{colour}" fill-opacity="{_FRONT if sheet == 0 else _BEHIND}" stroke="{colour}"/>'
        for sheet in reversed(range(count))
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across:.1f}" height="{down:.1f}">{rectangles}</svg>'
    )
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return f'<img src="{source}" alt="" width="{across:.0f}" height="{down:.0f}">'


def _downloads(name: str, rows: Sequence[Row]) -> None:
    """The table as CSV, Markdown and LaTeX."""
    from cnnviz.shapes import table

    forms = (
        ("CSV", "csv", table.csv_text),
        ("Markdown", "md", table.markdown_text),
        ("LaTeX", "tex", table.latex_text),
    )
    with st.container(horizontal=True):
        for title, ending, write in forms:
            save_button(title, partial(write, rows), f"{name}.{ending}", key=f"download-{ending}")


def _source(network: Network) -> None:
    """The file that defines the network, as it is."""
    path, text = cached.source(network.name)
    st.caption(f"`{path}`")
    if not text:
        st.write(_("The network is in a running program, and its code is there."))
        return
    st.code(text, language="python", height=_CODE_HEIGHT)


def show_code(subject: Subject) -> None:
    """A file that runs by itself, the file that defines the network, and the link to this view."""
    network, edits, traced = subject.network, subject.edits, subject.trace
    if network.is_own:
        _own_code(network)
        return
    if network.is_hosted:
        _source(network)
        return
    text = cached.runnable(network.name, traced.input_shape, edits)
    name = f"{network.file_name.replace('-', '_')}.py"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(_("Standalone file"), anchor=False)
        st.write(
            _(
                "With your choices and without cnnviz: `python {name}` builds the network and prints "
                "its output shape.",
                name=name,
            )
        )
        save_button(_("Download"), text, name, key="download-source")
        st.code(text, language="python", height=_CODE_HEIGHT)
    with right:
        st.subheader(_("Source file"), anchor=False)
        _source(network)


def _own_code(network: Network) -> None:
    """The text, to take away."""
    name = f"{network.file_name}.py"
    text = definition_of(network.name).text
    save_button(_("Download"), text, name, key="download-source")
    st.code(text, language="python", height=_CODE_HEIGHT)
