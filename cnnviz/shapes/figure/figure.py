"""A network as a figure: what ``python -m cnnviz figure`` and the Architecture page call."""

from __future__ import annotations

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.shapes.figure.drawing import Drawing
from cnnviz.shapes.figure.parts import parts_of
from cnnviz.shapes.figure.styles import drawing
from cnnviz.tracing.trace import Trace


def figure(trace: Trace, name: str, style: str = "blocks", depth: int | None = None) -> Drawing:
    """The network ``name`` in a style of :data:`cnnviz.shapes.figure.styles.STYLES`.

    Containers from level ``depth`` on are one box each; without it, as far as the figure can be read; with 0 all is open.

    Raises:
        CnnvizError: the forward pass fails, or there is nothing to draw.
    """
    parts = parts_of(trace, depth)
    title = _(
        "{name}: from {input} to {output}",
        name=name,
        input=shape_text(trace.input_shape),
        output=shape_text(parts.parts[-1].shape),
    )
    return drawing(parts, style, title)
