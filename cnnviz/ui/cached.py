"""All cached calls of the core, three lines each.

Keys are plain values: an architecture's key, a checkpoint's id and SHA-256, an image's bytes. What is
cached holds numbers, never sentences, so that one entry serves every language. Models are shared by
all sessions and are never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.ui import warm

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.interpret.activations import FeatureMaps
    from cnnviz.interpret.filters import Filters
    from cnnviz.shapes.trace import Trace

WeightsKey = tuple[str, ...]
"""Names weights: ("checkpoint", id, SHA-256), or ("untrained", architecture, options as JSON, seed)."""

ImageKey = tuple[bytes, tuple[int, int, int], tuple[float, ...], tuple[float, ...]]
"""An image as a network gets it: its bytes, its shape (C, H, W), and mean and deviation to normalise it."""


Edits = tuple[tuple[str, str], ...]
"""Changes of a network: paths (options of the builder, arguments of layers) and JSON values."""


@st.cache_resource(max_entries=32, show_spinner=False)
def model(checkpoint_id: str, sha256: str) -> nn.Module:
    """The network of a checkpoint, verified; ``sha256`` is part of the key, so that new weights are read."""
    from cnnviz.training import checkpoints

    warm.one_thread_an_operation()
    return checkpoints.load_model(checkpoints.get(checkpoint_id))


@st.cache_resource(max_entries=256, show_spinner=False)
def trace(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> Trace:
    """The trace of a network, edited; frozen, so that sessions share it."""
    from cnnviz.models import resolve
    from cnnviz.shapes.trace import trace as trace_

    return trace_(resolve(model_name, _changes(edits))[0], input_shape)


@st.cache_resource(max_entries=64, show_spinner=False)
def on_meta(model_name: str, edits: Edits = ()) -> nn.Module:
    """A network without weights, edited; it is not to be changed."""
    from cnnviz.models import resolve

    return resolve(model_name, _changes(edits))[0]


@st.cache_resource(max_entries=64, show_spinner=False)
def editable(model_name: str, options: Edits = ()) -> dict[str, dict[str, object]]:
    """The layers of a network that can be edited, with their arguments; not to be changed."""
    from cnnviz.shapes.edits import editable as editable_

    return editable_(on_meta(model_name, options))


@st.cache_resource(max_entries=32, show_spinner=False)
def untrained(architecture: str, options: str, seed: str) -> nn.Module:
    """A network with the weights that training starts from; ``options`` is JSON."""
    warm.one_thread_an_operation()
    network = architectures.get(architecture).build_seeded(int(seed), **json.loads(options))
    return network.requires_grad_(False).eval()


def network(weights: WeightsKey) -> nn.Module:
    """The network that ``weights`` names."""
    return model(*weights[1:]) if weights[0] == "checkpoint" else untrained(*weights[1:])


@st.cache_resource(max_entries=64, show_spinner=False)
def network_trace(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Trace:
    """The trace of the network that ``weights`` names."""
    from cnnviz.shapes.trace import trace

    return trace(network(weights), input_shape)


@st.cache_resource(max_entries=64, show_spinner=False)
def filters(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Filters:
    """The filters of the first convolution; they are shared and must not be changed."""
    from cnnviz.interpret.filters import first_filters

    return first_filters(network(weights), network_trace(weights, input_shape))


@st.cache_resource(max_entries=16, show_spinner=False)
def feature_maps(weights: WeightsKey, image: ImageKey) -> tuple[FeatureMaps, ...]:
    """What every op makes of an image; they are shared and must not be changed."""
    from cnnviz.interpret.activations import feature_maps as compute
    from cnnviz.training.batches import as_input

    return compute(network(weights), as_input(*image), network_trace(weights, image[1]))


@st.cache_data(max_entries=256, show_spinner=False)
def map_pictures(
    weights: WeightsKey, image: ImageKey, limits: tuple[float, ...], dark: bool
) -> tuple[bytes, ...]:
    """The feature maps of every op as PNG files; ``limits`` are the ends of the ops' colour scales."""
    from cnnviz.plots.maps import mosaic, png

    ops = zip(feature_maps(weights, image), limits, strict=True)
    return tuple(png(mosaic(maps.values, limit), dark) for maps, limit in ops)


def _changes(edits: Edits) -> dict[str, object]:
    return {path: json.loads(value) for path, value in edits}
