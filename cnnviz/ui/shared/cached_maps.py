"""Cached calls of the core about filters and feature maps, three lines each; as :mod:`cnnviz.ui.shared.cached`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import WeightsKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnviz.interpret.activations import MapStatistics
    from cnnviz.interpret.filters import Distribution, LayerWeights
    from cnnviz.shapes.receptive_field import ReceptiveField

MOST_MAPS_IN_A_PICTURE = 128


@st.cache_data(max_entries=32, show_spinner=False)
def pretrained_classes(model: str) -> tuple[str, ...]:
    """The names of the classes of a model of torchvision; the first call imports torchvision."""
    from cnnviz.interpret.pretrained import classes

    return classes(model)


def layers(weights: WeightsKey, input_shape: tuple[int, int, int]) -> tuple[LayerWeights, ...]:
    """The layers with weights, in order of execution; not kept, as they hold on to the network's memory."""
    from cnnviz.interpret.filters import layer_weights

    return layer_weights(cached.network(weights), cached.network_trace(weights, input_shape))


@st.cache_data(max_entries=256, show_spinner=False)
def distributions(
    weights: WeightsKey, input_shape: tuple[int, int, int]
) -> tuple[tuple[str, Distribution], ...]:
    """How the weights of every layer are distributed, by the layer's name."""
    from cnnviz.interpret.filters import distribution

    return tuple((layer.name, distribution(layer.values)) for layer in layers(weights, input_shape))


@st.cache_data(max_entries=256, show_spinner=False)
def filter_order(
    weights: WeightsKey, input_shape: tuple[int, int, int], layer: str, by: str
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The output channels of a layer in an order, and the norm of each channel's filter."""
    from cnnviz.interpret.filters import norms, order

    values = next(found.values for found in layers(weights, input_shape) if found.name == layer)
    return order(values, by), norms(values)


@st.cache_data(max_entries=128, show_spinner=False)
def map_pictures(
    weights: WeightsKey, image: ImageKey, first: int, limits: tuple[float, ...], dark: bool
) -> tuple[bytes, ...]:
    """The feature maps of ops as PNG files, from the op ``first`` on; ``limits`` end their colour scales."""
    from cnnviz.interpret.filters import order
    from cnnviz.plots.mosaic import columns, mosaic, png

    found = []
    for maps, limit in zip(cached.feature_maps(weights, image)[first:], limits, strict=False):
        values = maps.values
        if values.ndim == 3 and len(values) > MOST_MAPS_IN_A_PICTURE:
            values = values[order(values, "norm")[:MOST_MAPS_IN_A_PICTURE]]
        # A card is some 330 pixels wide: what is finer than a screen shows only takes time to send.
        side = min(48, 480 // columns(len(values))) if values.ndim == 3 else 48
        found.append(png(mosaic(values, limit, side), dark))
    return tuple(found)


@st.cache_resource(max_entries=128, show_spinner=False)
def map_statistics(weights: WeightsKey, image: ImageKey, op: int) -> MapStatistics:
    """What the values of every map of an op amount to; shared, not to be changed."""
    from cnnviz.interpret.activations import statistics

    return statistics(cached.feature_maps(weights, image)[op].values)


@st.cache_data(max_entries=128, show_spinner=False)
def map_order(weights: WeightsKey, image: ImageKey, op: int, by: str) -> NDArray[np.intp]:
    """The maps of an op in an order."""
    from cnnviz.interpret.filters import order

    return order(cached.feature_maps(weights, image)[op].values, by)


@st.cache_data(max_entries=256, show_spinner=False)
def map_tiles(
    weights: WeightsKey, image: ImageKey, op: int, channels: tuple[int, ...], limit: float | None, dark: bool
) -> tuple[bytes, ...]:
    """Single maps of an op as PNG files; ``limit`` ends their colour scale, None: each has its own."""
    from cnnviz.plots.mosaic import png, tile

    values = cached.feature_maps(weights, image)[op].values
    ends = [float(abs(values[channel]).max()) if limit is None else limit for channel in channels]
    return tuple(png(tile(values[channel], end), dark) for channel, end in zip(channels, ends, strict=True))


@st.cache_resource(max_entries=64, show_spinner=False)
def receptive_fields(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Sequence[ReceptiveField]:
    """The receptive field of every op of the network that ``weights`` names."""
    from cnnviz.shapes.receptive_field import receptive_fields as fields

    return fields(cached.network_trace(weights, input_shape))


@st.cache_data(max_entries=64, show_spinner=False)
def pictures(key: tuple[object, ...], _draw: Callable[[], tuple[bytes, ...]]) -> tuple[bytes, ...]:
    """What ``_draw`` returns, PNG files, known again by ``key``."""
    return _draw()
