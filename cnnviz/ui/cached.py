"""All cached calls of the core, three lines each.

Keys are plain values: an architecture's key, a checkpoint's id and SHA-256, an image's bytes. What is
cached holds numbers, never sentences, so that one entry serves every language. Models are shared by
all sessions and are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.shapes.trace import Trace


@st.cache_resource(max_entries=32, show_spinner=False)
def model(checkpoint_id: str, sha256: str) -> nn.Module:
    """The network of a checkpoint, verified; ``sha256`` is part of the key, so that new weights are read."""
    from cnnviz.training import checkpoints

    return checkpoints.load_model(checkpoints.get(checkpoint_id))


@st.cache_resource(max_entries=256, show_spinner=False)
def trace(model_name: str, input_shape: tuple[int, ...]) -> Trace:
    """The trace of a registered network; it is frozen, so sessions may share it."""
    from cnnviz.models import resolve
    from cnnviz.shapes.trace import trace as trace_

    return trace_(resolve(model_name, {})[0], input_shape)
