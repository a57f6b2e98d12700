"""All cached calls of the core, three lines each.

Keys are plain values: an architecture's key, a checkpoint's id and SHA-256, an image's bytes. What is
cached holds numbers, never sentences, so that one entry serves every language. Models are shared by
all sessions and are never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.ui.shared import warm
from cnnviz.ui.shared.bounded import Bounded

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.interpret.activations import FeatureMaps
    from cnnviz.interpret.pixel import Arithmetic
    from cnnviz.shapes.shares import Share
    from cnnviz.shapes.small_images import Digits
    from cnnviz.shapes.torchinfo_report import TorchinfoReport
    from cnnviz.tracing.trace import Trace

WeightsKey = tuple[str, ...]
"""Names weights, as :func:`cnnviz.interpret.networks.load` takes them: ("checkpoint", id, SHA-256), ..."""

Edits = tuple[tuple[str, str], ...]
"""Changes of a network: paths (options of the builder, arguments of layers) and JSON values."""


MOST_NETWORK_BYTES = 1_200_000_000
MOST_MAP_BYTES = 300_000_000
MOST_ARITHMETIC_BYTES = 100_000_000


def model(checkpoint_id: str, sha256: str) -> nn.Module:
    """The network of a checkpoint, verified; ``sha256`` is part of the key, so that new weights are read."""
    return network(("checkpoint", checkpoint_id, sha256))


@st.cache_resource(max_entries=128, show_spinner=False)
def trace(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> Trace:
    """The trace of a network, edited; frozen, so that sessions share it."""
    from cnnviz.models import traced

    return traced(model_name, _changes(edits), input_shape)


@st.cache_data(max_entries=1, show_spinner=False)
def torchvision_names() -> tuple[str, ...]:
    """The names of torchvision's classification models; the first call imports torchvision, 2 to 3 seconds."""
    from cnnviz.models import torchvision_names as names

    return names()


@st.cache_resource(max_entries=16, show_spinner=False)
def on_meta(model_name: str, edits: Edits = ()) -> nn.Module:
    """A network without weights, edited; it is not to be changed."""
    from cnnviz.models import resolve

    return resolve(model_name, _changes(edits))[0]


@st.cache_resource(max_entries=64, show_spinner=False)
def editable(model_name: str, options: Edits = ()) -> dict[str, dict[str, object]]:
    """The layers of a network that can be edited, with their arguments; not to be changed."""
    from cnnviz.tracing.edits import editable as editable_

    return editable_(on_meta(model_name, options))


@st.cache_resource(max_entries=64, show_spinner=False)
def shares(
    model_name: str, input_shape: tuple[int, ...], edits: Edits = (), most: int = 20
) -> tuple[Share, ...]:
    """Who holds the parameters and multiply-adds of a network, edited, in at most some ``most`` parts."""
    from cnnviz.shapes.shares import shares as shares_

    return shares_(trace(model_name, input_shape, edits), most)


@st.cache_data(max_entries=32, show_spinner=False)
def autograd_dot(
    model_name: str,
    input_shape: tuple[int, ...],
    edits: Edits,
    colours: tuple[tuple[str, tuple[str, str]], ...],
    ink: str,
) -> str:
    """Autograd's graph of a network, edited, as DOT; ``colours`` are fill and text of its parts by name."""
    from cnnviz.shapes.graph import autograd_dot as autograd_dot_

    return autograd_dot_(on_meta(model_name, edits), input_shape, dict(colours), ink)


@st.cache_resource(max_entries=16, show_spinner=False)
def torchinfo_report(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> TorchinfoReport:
    """What torchinfo says of a network, edited."""
    from cnnviz.shapes.torchinfo_report import report

    return report(on_meta(model_name, edits), input_shape)


@st.cache_data(max_entries=64, show_spinner=False)
def source(model_name: str) -> tuple[str, str]:
    """The path and the text of the file that defines a network."""
    from cnnviz.standalone import source as source_

    return source_(model_name)


@st.cache_data(max_entries=64, show_spinner=False)
def runnable(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> str:
    """A file that builds a network, edited, by itself."""
    from cnnviz.standalone import runnable as runnable_

    return runnable_(model_name, input_shape, _changes(edits))


@st.cache_resource(show_spinner=False)
def _networks() -> Bounded[nn.Module]:
    from cnnviz.interpret.networks import nbytes

    return Bounded(MOST_NETWORK_BYTES, nbytes)


def network(weights: WeightsKey) -> nn.Module:
    """The network that ``weights`` names: shared by all, and not to be changed."""
    from cnnviz.interpret.networks import load

    warm.one_thread_an_operation()
    return _networks().get(weights, lambda: load(weights))


@st.cache_resource(max_entries=64, show_spinner=False)
def network_trace(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Trace:
    """The trace of the network that ``weights`` names."""
    from cnnviz.tracing.trace import trace

    return trace(network(weights), input_shape)


@st.cache_resource(show_spinner=False)
def _feature_maps() -> Bounded[tuple[FeatureMaps, ...]]:
    return Bounded(MOST_MAP_BYTES, lambda maps: sum(found.values.nbytes for found in maps))


def feature_maps(weights: WeightsKey, image: ImageKey) -> tuple[FeatureMaps, ...]:
    """What every op makes of an image; they are shared and must not be changed."""
    from cnnviz.interpret.activations import feature_maps as compute

    return _feature_maps().get(
        (weights, image),
        lambda: compute(network(weights), image.tensor(), network_trace(weights, image.input_shape)),
    )


@st.cache_resource(show_spinner=False)
def _arithmetics() -> Bounded[Arithmetic]:
    return Bounded(MOST_ARITHMETIC_BYTES, lambda layer: layer.nbytes)


def arithmetic(weights: WeightsKey, image: ImageKey, op: int) -> Arithmetic:
    """What the op of index ``op`` is computed from when the network gets an image; shared, not to be changed."""
    from cnnviz.interpret.pixel import arithmetic_of

    traced = network_trace(weights, image.input_shape)
    return _arithmetics().get(
        (weights, image, op),
        lambda: arithmetic_of(network(weights), image.tensor(), traced, traced.ops[op]),
    )


def _changes(edits: Edits) -> dict[str, object]:
    return {path: json.loads(value) for path, value in edits}


@st.cache_resource(max_entries=1, show_spinner=False)
def sample_digits() -> Digits:
    """A real digit of each class; they are shared and must not be changed."""
    from cnnviz.shapes.small_images import sample_digits as digits

    return digits()


@st.cache_resource(max_entries=4, show_spinner=False)
def permuted_digits(seed: int) -> Digits:
    """:func:`sample_digits` with their pixels in the order that a recipe's ``permutation_seed`` draws."""
    from torch import from_numpy

    from cnnviz.training.transforms.preparation import Permutation

    digits = sample_digits()
    shuffled: Digits = Permutation(seed, (1, 28, 28))(from_numpy(digits[:, None])).numpy()[:, 0]
    return shuffled
