"""The shapes along a network as a picture: stacks of maps, drawn to scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette

SENTENCE = Message(
    "Squares are drawn to scale: height and width shrink from left to right, while the stacks of channels grow."
)
_MOST_SHEETS = 9
_SHIFT = 0.055  # from one sheet of a stack to the next, in units of the largest map's side
_GAP = 0.42
_SMALLEST_SIDE = 0.05


@dataclass(frozen=True)
class Block:
    """One shape on the way: ``name`` and ``kind`` of the op that gives it, ``note`` says how.

    ``shape`` is (C, H, W) or (features,).
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    note: str


def pipeline(blocks: Sequence[Block], title: str, dark: bool = False) -> go.Figure:
    """The figure: a stack for each block; the number of sheets grows with the logarithm of the channels."""
    largest = max(max(block.shape[1:], default=1) for block in blocks)
    figure = go.Figure()
    position, centres = 0.0, []
    for block in blocks:
        xs, ys, width = _outline(block.shape, largest, position)
        figure.add_trace(_stack(block, xs, ys, dark))
        centres.append(position + width / 2)
        position += width + _GAP
    figure.update_layout(
        title=title,
        showlegend=False,
        height=330,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
        hoverlabel={"align": "left"},
        xaxis={
            "tickvals": centres,
            "ticktext": [f"{block.name}<br>{_text(block.shape)}" for block in blocks],
            "range": [-_GAP, position],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "title": _("operations, from the input to the output"),
        },
        yaxis={
            "scaleanchor": "x",
            "visible": False,
            "fixedrange": True,
        },
    )
    return figure


def _stack(block: Block, xs: list[float | None], ys: list[float | None], dark: bool) -> go.Scatter:
    colour = palette.kind(block.kind).colour(dark)
    return go.Scatter(
        x=xs,
        y=ys,
        mode="lines",
        fill="toself",
        fillcolor=_translucent(colour),
        line={"color": colour, "width": 1.2},
        name=block.name,
        text=f"<b>{block.name}</b>  {_text(block.shape)}<br>{block.note}",
        hoverinfo="text",
        hoveron="fills+points",
    )


def _outline(
    shape: tuple[int, ...], largest: int, left: float
) -> tuple[list[float | None], list[float | None], float]:
    """The corners of a block's sheets, the back one first, and the block's width."""
    if len(shape) == 3:
        sides = [max(size / largest, _SMALLEST_SIDE) for size in shape[1:]]
        height, width = sides
        sheets = min(_MOST_SHEETS, 1 + round(math.log2(shape[0])))
    else:  # a vector: a column, the longer the more features it has
        height, width = min(1.0, 0.12 * math.log2(1 + math.prod(shape))), _SMALLEST_SIDE
        sheets = 1
    depth = (sheets - 1) * _SHIFT
    xs: list[float | None] = []
    ys: list[float | None] = []
    for sheet in reversed(range(sheets)):
        x, y = left + sheet * _SHIFT, sheet * _SHIFT - (height + depth) / 2
        xs += [x, x + width, x + width, x, x, None]
        ys += [y, y, y + height, y + height, y, None]
    return xs[:-1], ys[:-1], width + depth


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
