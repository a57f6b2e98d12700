"""All cached calls of the core, three lines each.

Keys are plain values: an architecture's key, a checkpoint's id and SHA-256, an image's bytes, a data set's
digest. What is cached holds numbers, never sentences, so that one entry serves every language. Models are
shared by all sessions and are never changed. All of it is kept in the process's one store, which counts bytes: where
Streamlit's caches count entries, one VGG-16 takes 540 MB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from cnnviz.bounded import COMMON, kept
from cnnviz.hosted import client as hosts
from cnnviz.hosted import questions
from cnnviz.hosted.client import STATE
from cnnviz.interpret.inputs import ImageKey
from cnnviz.language import translate as _
from cnnviz.models import definition_of
from cnnviz.own import asking
from cnnviz.own import kept as own_kept
from cnnviz.own.definition import PREFIX, Definition
from cnnviz.storage.opening import storage
from cnnviz.ui.shared import background
from cnnviz.ui.shared.pictures import image_address

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from cnnviz.datasets.loading import Statistics
    from cnnviz.interpret.activations import FeatureMaps, MapStatistics
    from cnnviz.interpret.filters import Distribution, LayerWeights
    from cnnviz.interpret.pixel import Arithmetic
    from cnnviz.interpret.weight_gradient import ChannelGradients, WeightAt
    from cnnviz.own.changes import Change
    from cnnviz.own.reading import Reading
    from cnnviz.shapes.counting import Share
    from cnnviz.shapes.receptive_field import ReceptiveField
    from cnnviz.shapes.sliding_window import Digits
    from cnnviz.shapes.torchinfo_report import TorchinfoReport
    from cnnviz.tracing.trace import Trace
    from cnnviz.training.recipe.image_preparation import ImagePreparation
    from cnnviz.training.transforms.batch_preparer import Stages

WeightsKey = tuple[str, ...]
"""Names weights, as :func:`cnnviz.interpret.networks.load` takes them: ("checkpoint", id, SHA-256), ..."""

Edits = tuple[tuple[str, str], ...]
"""Changes of a network: paths (options of the builder, arguments of layers) and JSON values."""


Source = tuple[int, str]
"""The place of an image in its part of the data set, and the address of its picture."""

MOST_MAPS_IN_A_PICTURE = 128

T = TypeVar("T")


# Networks without weights


@kept
def trace(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> Trace:
    """The trace of a network, edited; frozen, so that sessions share it."""
    from cnnviz.models import traced

    if model_name.startswith(STATE):
        return hosts.ask(questions.traced, input_shape, _changes(edits), original=True)
    return traced(model_name, _changes(edits), input_shape)


@kept
def torchvision_names() -> tuple[str, ...]:
    """The names of torchvision's classification models."""
    from cnnviz.models import torchvision_names as names

    return names()


@kept
def on_meta(model_name: str, edits: Edits = ()) -> nn.Module:
    """A network without weights, edited; it is not to be changed."""
    from cnnviz.models import resolve

    return resolve(model_name, _changes(edits))[0]


@kept
def editable(model_name: str, options: Edits = ()) -> dict[str, dict[str, object]]:
    """The layers of a network that can be edited, with their arguments; not to be changed."""
    from cnnviz.own import sandbox
    from cnnviz.tracing.edits import editable as editable_

    if model_name.startswith(PREFIX):
        return sandbox.editable(definition_of(model_name))
    if model_name.startswith(STATE):
        return hosts.ask(editable_, original=True)
    return editable_(on_meta(model_name, options))


@kept
def shares(
    model_name: str, input_shape: tuple[int, ...], edits: Edits = (), most: int = 20
) -> tuple[Share, ...]:
    """Who holds the parameters and multiply-adds of a network, edited, in at most some ``most`` parts."""
    from cnnviz.shapes.counting import shares as shares_

    return shares_(trace(model_name, input_shape, edits), most)


@kept
def autograd_dot(
    model_name: str,
    input_shape: tuple[int, ...],
    edits: Edits,
    colours: tuple[tuple[str, tuple[str, str]], ...],
    ink: str,
) -> str:
    """Autograd's graph of a network, edited, as DOT; ``colours`` are fill and text of its parts by name."""
    from cnnviz.own import sandbox
    from cnnviz.shapes.graph import autograd_dot as autograd_dot_

    if model_name.startswith(PREFIX):
        return sandbox.autograd_dot(
            definition_of(model_name), _changes(edits), input_shape, dict(colours), ink
        )
    if model_name.startswith(STATE):
        return _of_edited(edits, autograd_dot_, input_shape, dict(colours), ink)
    return autograd_dot_(on_meta(model_name, edits), input_shape, dict(colours), ink)


@kept
def torchinfo_report(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> TorchinfoReport:
    """What torchinfo says of a network, edited."""
    from cnnviz.own import sandbox
    from cnnviz.shapes.torchinfo_report import report

    if model_name.startswith(PREFIX):
        return sandbox.torchinfo_report(definition_of(model_name), _changes(edits), input_shape)
    if model_name.startswith(STATE):
        return _of_edited(edits, report, input_shape)
    return report(on_meta(model_name, edits), input_shape)


def _of_edited(edits: Edits, function: Callable[..., T], *arguments: object) -> T:
    """``function(network, *arguments)`` of the hosted network, edited."""
    found: T = hosts.ask(questions.edited_first, _changes(edits), function, *arguments, original=True)
    return found


@kept
def source(model_name: str) -> tuple[str, str]:
    """The path and the text of the file that defines a network."""
    from cnnviz.standalone import source as source_

    if model_name.startswith(STATE):
        found = hosts.facts()
        return found.place, found.source or ""
    return source_(model_name)


@kept
def runnable(model_name: str, input_shape: tuple[int, ...], edits: Edits = ()) -> str:
    """A file that builds a network, edited, by itself."""
    from cnnviz.standalone import runnable as runnable_

    return runnable_(model_name, input_shape, _changes(edits))


# Networks as text


def reading(definition: Definition, edits: Edits = ()) -> Reading:
    """What a text is, with edits of its layers."""
    return asking.read(definition, _changes(edits))


@kept
def changes(definition: Definition) -> tuple[Change, ...]:
    """The changes of a text that mend it, the best first."""
    from cnnviz.own import sandbox

    return sandbox.changes(definition)


@kept
def trial_written(definition: Definition, edits: Edits) -> tuple[Change, ...]:
    """The change of a text that makes the edits of its layers; empty where none makes these alone."""
    from cnnviz.own import sandbox

    return sandbox.trial_written(definition, _changes(edits))


def own_networks(owner: str) -> dict[str, str]:
    """The titles of kept networks by key, those of ``owner`` first; read again when one was kept or changed."""
    folder = storage().shared(own_kept.FOLDER)
    try:
        return _own_networks(str(folder), folder.stat().st_mtime_ns, owner)
    except OSError:  # nothing is kept
        return {}


@kept
def _own_networks(folder: str, changed: int, owner: str) -> dict[str, str]:
    networks = own_kept.listed(owner)
    titles = own_kept.labels(networks)
    return {network.key: titles[network.key] for network in networks}


def _changes(edits: Edits) -> dict[str, object]:
    return {path: json.loads(value) for path, value in edits}


# Networks with weights, and what they make of an image


def model(checkpoint_id: str, sha256: str) -> nn.Module:
    """The network of a checkpoint, verified; ``sha256`` is part of the key, so that new weights are read."""
    return network(("checkpoint", checkpoint_id, sha256))


def computed(
    weights: WeightsKey,
    function: Callable[..., T],
    *arguments: object,
    progress: background.Progress | None = None,
) -> T:
    """``function(network, *arguments)``, of the network that ``weights`` names, wherever that is.

    The network of a person's own is a new copy each time: its forward pass may change it. ``progress`` is called
    with 0..1, where it is given.
    """
    from cnnviz.tracing.copies import for_one_use

    if weights[0] == hosts.NAME:
        return hosts.ask(function, *arguments, progress=progress)
    watched = {} if progress is None else {"progress": progress}
    return function(for_one_use(network(weights)), *arguments, **watched)


def make_ready(weights: WeightsKey) -> None:
    """Load the network that ``weights`` names, where that is to be done here; a large one is announced.

    Raises:
        CnnvizError: it would not fit into memory, is missing or damaged.
    """
    from cnnviz.interpret.networks import LARGE, weight_bytes

    if weights[0] == hosts.NAME:
        return
    size = 0 if COMMON.find(("network", weights)) is not None else weight_bytes(weights)
    if size < LARGE:
        network(weights)
    else:
        with st.spinner(_("Loading {size:,.0f} MB of weights ...", size=size / 1e6)):
            network(weights)


def network(weights: WeightsKey) -> nn.Module:
    """The network that ``weights`` names: shared by all, and not to be changed."""
    from cnnviz.interpret.networks import load

    background.one_thread_an_operation()
    return COMMON.get(("network", weights), lambda: load(weights))


@kept
def network_trace(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Trace:
    """The trace of the network that ``weights`` names."""
    from cnnviz.tracing.trace import trace

    return computed(weights, trace, input_shape)


def feature_maps(weights: WeightsKey, image: ImageKey) -> tuple[FeatureMaps, ...]:
    """What every op makes of an image; they are shared and must not be changed."""
    from cnnviz.interpret.activations import feature_maps as compute

    return COMMON.get(
        ("feature maps", weights, image),
        lambda: computed(weights, compute, image.tensor(), network_trace(weights, image.input_shape)),
    )


def arithmetic(weights: WeightsKey, image: ImageKey, op: int) -> Arithmetic:
    """What the op of index ``op`` is computed from when the network gets an image; shared, not to be changed."""
    from cnnviz.interpret.pixel import arithmetic_of

    traced = network_trace(weights, image.input_shape)
    return COMMON.get(
        ("arithmetic", weights, image, op),
        lambda: computed(weights, arithmetic_of, image.tensor(), traced, traced.ops[op]),
    )


def channel_gradients(
    weights: WeightsKey, image: ImageKey, op: int, label: int, channel: int
) -> ChannelGradients:
    """The gradients of the weights of an op's output ``channel``, for an image with a label; shared, not to be changed."""
    from cnnviz.interpret.weight_gradient import channel_gradients as compute

    traced = network_trace(weights, image.input_shape)
    return COMMON.get(
        ("gradients", weights, image, op, label, channel),
        lambda: computed(weights, compute, image.tensor(), traced, traced.ops[op], label, channel),
    )


def loss_with(
    weights: WeightsKey, image: ImageKey, op: int, label: int, at: WeightAt, weight: float
) -> float:
    """The loss of an image with a label when one of the weights that an op reads is ``weight``."""
    from cnnviz.interpret.weight_gradient import loss_with as compute

    traced = network_trace(weights, image.input_shape)
    return COMMON.get(
        ("loss with", weights, image, op, label, at, weight),
        lambda: computed(weights, compute, image.tensor(), traced, traced.ops[op], label, at, weight),
    )


@kept
def pretrained_classes(model: str) -> tuple[str, ...]:
    """The names of the classes of a model of torchvision; the first call imports torchvision."""
    from cnnviz.interpret.pretrained import classes

    return classes(model)


def layers(weights: WeightsKey, input_shape: tuple[int, int, int]) -> tuple[LayerWeights, ...]:
    """The layers with weights, in order of execution.

    They are views of a network that is here, which is only looked at, so that no copy is made of a person's own; nor are
    they kept, as they hold on to the network's memory. What comes from another process is kept.
    """
    from cnnviz.interpret.filters import layer_weights

    traced = network_trace(weights, input_shape)
    if weights[0] == hosts.NAME:
        return COMMON.get(("layers", weights, input_shape), lambda: hosts.ask(layer_weights, traced))
    return layer_weights(network(weights), traced)


@kept
def distributions(
    weights: WeightsKey, input_shape: tuple[int, int, int]
) -> tuple[tuple[str, Distribution], ...]:
    """How the weights of every layer are distributed, by the layer's name."""
    from cnnviz.interpret.filters import distribution

    return tuple((layer.name, distribution(layer.values)) for layer in layers(weights, input_shape))


@kept
def filter_order(
    weights: WeightsKey, input_shape: tuple[int, int, int], layer: str, by: str
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The output channels of a layer in an order, and the norm of each channel's filter."""
    from cnnviz.interpret.filters import norms, order

    values = next(found.values for found in layers(weights, input_shape) if found.name == layer)
    return order(values, by), norms(values)


@kept
def map_pictures(
    weights: WeightsKey, image: ImageKey, first: int, limits: tuple[float, ...], dark: bool
) -> tuple[bytes, ...]:
    """The feature maps of ops as PNG files, from the op ``first`` on; ``limits`` end their colour scales."""
    from cnnviz.interpret.filters import order
    from cnnviz.plots.mosaic import columns, mosaic, png

    found = []
    for maps, limit in zip(feature_maps(weights, image)[first:], limits, strict=False):
        values = maps.values
        if values.ndim == 3 and len(values) > MOST_MAPS_IN_A_PICTURE:
            values = values[order(values, "norm")[:MOST_MAPS_IN_A_PICTURE]]
        # A card is some 330 pixels wide: what is finer than a screen shows only takes time to send.
        side = min(48, 480 // columns(len(values))) if values.ndim == 3 else 48
        found.append(png(mosaic(values, limit, side), dark))
    return tuple(found)


@kept
def map_statistics(weights: WeightsKey, image: ImageKey, op: int) -> MapStatistics:
    """What the values of every map of an op amount to; shared, not to be changed."""
    from cnnviz.interpret.activations import statistics

    return statistics(feature_maps(weights, image)[op].values)


@kept
def map_order(weights: WeightsKey, image: ImageKey, op: int, by: str) -> NDArray[np.intp]:
    """The maps of an op in an order."""
    from cnnviz.interpret.filters import order

    return order(feature_maps(weights, image)[op].values, by)


@kept
def map_tiles(
    weights: WeightsKey, image: ImageKey, op: int, channels: tuple[int, ...], limit: float | None, dark: bool
) -> tuple[bytes, ...]:
    """Single maps of an op as PNG files; ``limit`` ends their colour scale, None: each has its own."""
    from cnnviz.plots.mosaic import png, tile

    values = feature_maps(weights, image)[op].values
    ends = [float(abs(values[channel]).max()) if limit is None else limit for channel in channels]
    return tuple(png(tile(values[channel], end), dark) for channel, end in zip(channels, ends, strict=True))


@kept
def receptive_fields(weights: WeightsKey, input_shape: tuple[int, int, int]) -> Sequence[ReceptiveField]:
    """The receptive field of every op of the network that ``weights`` names."""
    from cnnviz.shapes.receptive_field import receptive_fields as fields

    return fields(network_trace(weights, input_shape))


@kept
def drawings(key: tuple[object, ...], _draw: Callable[[], tuple[bytes, ...]]) -> tuple[bytes, ...]:
    """What ``_draw`` returns, PNG files, known again by ``key``."""
    return _draw()


# Data


@kept
def dataset_statistics(dataset: str, digest: str) -> Statistics:
    """The figures of a data set; they are shared and must not be changed."""
    from cnnviz import datasets
    from cnnviz.datasets.loading import statistics as compute

    return compute(datasets.load(dataset))


@kept
def dataset_samples(
    dataset: str, digest: str, part: str, label: int | None, count: int, seed: int
) -> tuple[Source, ...]:
    """``count`` images of a class (None: of any), drawn with ``seed``."""
    from cnnviz import datasets
    from cnnviz.datasets.loading import pick

    data = datasets.load(dataset)
    images, labels = data.part(part)
    places = pick(labels.numpy(), label, count, seed).tolist()
    return tuple((place, image_address(images[place].numpy())) for place in places)


@kept
def class_means(dataset: str, digest: str) -> tuple[str, ...]:
    """The average image of each class."""
    return tuple(image_address(image) for image in dataset_statistics(dataset, digest).class_means)


@kept
def preparation_stages(
    dataset: str, digest: str, place: int, preparation: ImagePreparation, draws: int, seed: int
) -> Stages:
    """A training image on its way to a network; it is shared and must not be changed."""
    from cnnviz import datasets
    from cnnviz.training.transforms.batch_preparer import stages as compute

    image = datasets.load(dataset).train_images[place].numpy()
    return compute(image, preparation, draws=draws, seed=seed)


@kept
def sample_digits() -> Digits:
    """A real digit of each class; they are shared and must not be changed."""
    from cnnviz.shapes.sliding_window import sample_digits as digits

    return digits()


@kept
def permuted_digits(seed: int) -> Digits:
    """:func:`sample_digits` with their pixels in the order that a recipe's ``permutation_seed`` draws."""
    from torch import from_numpy

    from cnnviz.training.transforms.batch_preparer import Permutation

    digits = sample_digits()
    shuffled: Digits = Permutation(seed, (1, 28, 28))(from_numpy(digits[:, None])).numpy()[:, 0]
    return shuffled
