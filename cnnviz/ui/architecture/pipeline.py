"""The shapes along a network as stacks of maps drawn to scale, each with its formula, as HTML that wraps."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from cnnviz.language import Message
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette

SENTENCE = Message(
    "Maps are drawn to scale, and a stack has one sheet more each time the number of channels doubles. "
    "A thin column is a vector."
)
_SIDE = 84  # of the largest map, in pixels
_SMALLEST = 3
_SHIFT = 4  # from one sheet of a stack to the next
_MOST_SHEETS = 9
_DOUBLING = 7  # pixels that a column grows each time the features double
_FRONT, _BEHIND = 0.35, 0.08  # how opaque the sheets of a stack are


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
