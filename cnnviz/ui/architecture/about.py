"""What is worth knowing about a network at a glance: its idea, its paper, how deep and how large it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.ui.shared import cached

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

_YARDSTICK = "alexnet"


def idea(architecture: Architecture) -> None:
    """What the network is about, and where it was published."""
    st.write(str(architecture.idea))
    st.caption(architecture.paper)


def size(traced: Trace) -> None:
    """How the layers of the network are counted, and how many parameters it has beside AlexNet."""
    if traced.failure is None:
        st.caption(f"{_layers(traced)} {_beside_alexnet(traced)}")


def _layers(traced: Trace) -> str:
    from cnnviz.shapes.shares import depth

    found = depth(traced)
    return _(
        "Layers with parameters on the longest way through it: {weighted} (convolutions and fully connected "
        "layers; normalisation is not counted); {total} with poolings.",
        weighted=found.weighted,
        total=found.total,
    )


def _beside_alexnet(traced: Trace) -> str:
    """How the network's parameters compare with those of the network that everybody knows."""
    known = architectures.get(_YARDSTICK)
    other = cached.trace(known.key, known.input_shape).total_params
    if traced.total_params == other or traced.total_params == 0:
        return ""
    if traced.total_params < other:
        return _(
            "AlexNet's {other:,} parameters are {ratio:,.1f} times as many as its {own:,}.",
            own=traced.total_params,
            other=other,
            ratio=other / traced.total_params,
        )
    return _(
        "Its {own:,} parameters are {ratio:,.1f} times as many as AlexNet's {other:,}.",
        own=traced.total_params,
        other=other,
        ratio=traced.total_params / other,
    )
