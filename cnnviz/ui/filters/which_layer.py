"""The layer that a person looks at: one choice, which every view of the Filters page that has it takes over."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import Shape, shape_text
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.link_state import choose_one

IN_A_LAYER = ("output", "page", "map", "part", "channel", "at")
"""What a link says about one layer, and not about another one."""


def choose_layer(
    weights: Weights,
    input_shape: tuple[int, int, int],
    shapes: Mapping[str, Shape],
    default: str | None = None,
    width: int = 330,
) -> str:
    """The name, one of those of ``shapes``, that the link's ``layer`` gives; each is told with its shape.

    Where it is another operation of the network, which a view before this one had, the default is shown,
    and the link stays as it is.
    """
    trace = cached.network_trace(weights.key, input_shape)
    types = {op.name: op.type for op in trace.ops}
    with st.container(width=width):
        return choose_one(
            _("Layer"),
            list(shapes),
            key="layer",
            kind=Message("The layer"),
            title=lambda name: f"{name} · {types[name]} · {shape_text(shapes[name])}",
            default=default,
            forget=IN_A_LAYER,
            elsewhere=list(types),
        )
