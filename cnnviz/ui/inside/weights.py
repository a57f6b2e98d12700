"""Choose the weights to look into (a checkpoint's, a run's, pretrained or untrained), one of the layers, its channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cnnviz import architectures, datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.datasets.registry import Shows
from cnnviz.errors import CnnvizError
from cnnviz.hosted.client import STATE
from cnnviz.interpret import networks, pretrained
from cnnviz.interpret.inputs import ImageKey, Pixels, Preparing
from cnnviz.interpret.networks import Moment, moments, told_apart, with_snapshots
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.models import TORCHVISION
from cnnviz.operations.op import Op, Shape, shape_text
from cnnviz.own.architecture import get as own_network
from cnnviz.own.facts import Facts
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.ui.shared import cached, hosted, own_networks
from cnnviz.ui.shared.cached import WeightsKey
from cnnviz.ui.shared.carried import FIRST_NETWORK, FIRST_WEIGHTS, UNTRAINED
from cnnviz.ui.shared.link_state import choose_number, choose_one
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.query import query

if TYPE_CHECKING:
    from cnnviz.interpret.filters import LayerWeights
    from cnnviz.shapes.receptive_field import ReceptiveField
    from cnnviz.tracing.trace import Trace

_SEED = 1
_OF_IMAGES = 3
"""Sizes of an input that is an image."""
IN_A_LAYER = ("output", "page", "map", "part", "channel", "at", "from", "weight")
"""Parameters of the link that apply to one layer only."""

IN_A_NETWORK = ("layer", "stage", "cam", *IN_A_LAYER)
"""Parameters of the link that apply to one network only."""


Order = NDArray[np.intp]
"""Channels, in the order in which they are shown."""

ORDERS: Mapping[str, Message] = {
    "channel": Message("network order"),
    "norm": Message("strongest first"),
    "similarity": Message("by similarity"),
}


@dataclass(frozen=True)
class Weights:
    """One choice: what to load (``key``), and how images are prepared for it.

    The network tells the classes of ``dataset`` apart; where that is None, ImageNet's, or others that only their
    numbers name, or none at all. ``start`` are the
    weights before training, None where these are untrained themselves; ``recipe`` is there where the network
    is cnnviz's, ``run_id`` where cnnviz trained it, ``checkpoint`` where that is done. ``first`` says that
    these are a training's weights from before its first step.
    """

    title: str
    key: WeightsKey
    preparing: Preparing
    dataset: str | None = None
    start: Weights | None = None
    recipe: Recipe | None = None
    run_id: str | None = None
    checkpoint: Checkpoint | None = None
    first: bool = False

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The network's input shape, (C, H, W); any other where it does not take images."""
        return self.preparing.input_shape

    @property
    def takes_images(self) -> bool:
        """Whether the input is an image: a person's own network may take anything."""
        return len(self.input_shape) == _OF_IMAGES

    @property
    def trace(self) -> Trace:
        """The trace of the network."""
        return cached.network_trace(self.key, self.input_shape)

    @property
    def layers(self) -> tuple[LayerWeights, ...]:
        """The layers with weights, in order of execution."""
        return cached.layers(self.key, self.input_shape)

    @property
    def receptive_fields(self) -> Sequence[ReceptiveField]:
        """The receptive field of every op."""
        return cached.receptive_fields(self.key, self.input_shape)

    @property
    def trained(self) -> bool:
        """Whether these weights were trained, or may have been: nobody knows that of a hosted network's."""
        return self.key[0] == hosted.NAME or (self.start is not None and not self.first)

    @property
    def reads(self) -> Shows:
        """What the images show that the network was trained on."""
        return "pictures" if self.dataset is None else datasets.get(self.dataset).shows

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, one for each output, in the current language where they are cnnviz's."""
        if self.dataset is None and self.key[0] in (hosted.NAME, networks.OWN):
            return tuple(map(str, range(_classes(self.trace))))
        if self.dataset is None:
            return cached.pretrained_classes(self.key[1])
        info = datasets.get(self.dataset)
        return tuple(info.class_title(label) for label in range(len(info.classes)))

    def image_key(self, pixels: Pixels) -> ImageKey:
        """An image (C, H, W) uint8 of any size as this network gets it."""
        return self.preparing.key(pixels)


def all_checkpoints(notes: DeltaGenerator | None = None) -> tuple[Checkpoint, ...]:
    """The checkpoints to choose from: those that are included, the newest of runs, and those in the link; what is wrong
    with damaged ones, or why those of runs are missing, is said here, or in ``notes``.
    """
    named = {value for key in query for value in query.get_all(key)}
    listing = checkpoints.scan(checkpoints.MOST_LISTED, named)
    with notes or nullcontext():
        for problem in (*listing.problems, *filter(None, [listing.silence])):
            st.warning(plain(problem), icon=":material/error:")
    return listing.checkpoints


def checkpoint_title(checkpoint: Checkpoint) -> str:
    """The checkpoint's title: its architecture, and how it differs from the course's own checkpoint."""
    title = own_networks.title_of(checkpoint.architecture)
    usual = f"{checkpoint.architecture}-{checkpoint.dataset}"
    if not checkpoint.is_shipped:
        return f"{title} · {checkpoint.id}"
    return title if checkpoint.id == usual else f"{title} · {checkpoint.id.removeprefix(usual).strip('-')}"


def same_task(one: DatasetInfo, other: DatasetInfo) -> bool:
    """Whether a network that learned one data set can be asked about another: same images, same classes."""
    return (one.input_shape, one.classes) == (other.input_shape, other.classes)


def of_checkpoint(checkpoint: Checkpoint) -> Weights:
    """The weights of a checkpoint."""
    recipe = checkpoint.recipe
    key = ("checkpoint", checkpoint.id, checkpoint.sha256)
    return _of_recipe(checkpoint_title(checkpoint), key, recipe, checkpoint.run_id, checkpoint)


def of_moment(title: str, moment: Moment, recipe: Recipe) -> Weights:
    """A run's weights at a snapshot; ``title`` is the run's title."""
    step = _("{title}, step {step:,}", title=title, step=moment.step)
    found = _of_recipe(step, moment.key(recipe), recipe, moment.run_id)
    return replace(found, first=moment.step == 0)


def of_pretrained(model: str) -> Weights:
    """The ImageNet weights of a torchvision model.

    Raises:
        UnknownKeyError: its weights are not offered.
    """
    title = _("{title} · ImageNet", title=pretrained.get(model).title)
    start = Weights(
        _("Untrained, seed {seed}", seed=_SEED),
        ("random", model, str(_SEED)),
        Preparing(ImagePreparation(pretrained.MEAN, pretrained.DEVIATION), pretrained.INPUT_SHAPE),
    )
    return replace(start, title=title, key=("pretrained", model), start=start)


def of_hosted() -> Weights | None:
    """The weights of the hosted network as they are now; None where there is none that runs.

    Images are prepared as the course does it for the first data set with its channels and classes.
    """
    found = hosted.usable_facts()
    if found is None or found.input_shape is None:
        return None
    shape = found.input_shape
    trace = cached.trace(STATE + found.stamp, shape)
    if trace.failure is not None:
        return None
    key = (hosted.NAME, hosted.NAME, found.stamp)
    wanted = (shape[0], _classes(trace))
    fitting = [d for d in datasets.registered() if (d.input_shape[0], len(d.classes)) == wanted]
    data = next((info for info in fitting if datasets.is_available(info.key)), None)
    if data is None or len(shape) != _OF_IMAGES or shape[1] != shape[2]:
        return Weights(found.place, key, _plainly(shape))
    resize = None if data.input_shape[1:] == shape[1:] else shape[1]
    preparing = Preparing(ImagePreparation(data.mean, data.deviation, resize), data.input_shape)
    return Weights(found.place, key, preparing, data.key)


def of_untrained(key: str) -> Weights:
    """The weights of a network, the course's or a person's own, before any training.

    An own network need fit no data set: its input is then of any shape, and images are brought to that.

    Raises:
        CnnvizError: it cannot be run; the message says why.
    """
    recipe = None
    if own_networks.is_known(key):
        facts = own_network(key).facts
        with suppress(CnnvizError):
            recipe = Recipe.default(key)
        if recipe is None or _preparing(recipe).input_shape != facts.input_shape:
            return _without_data(key, facts)
    return _start(Recipe.default(key) if recipe is None else recipe)


def _without_data(key: str, facts: Facts) -> Weights:
    if not facts.runs:
        raise CnnvizError(
            Message("{name} does not run yet. Architecture shows the line, and what to do.", name=facts.name)
        )
    if facts.input_shape is None:
        raise CnnvizError(
            Message("{name} takes several inputs; Filters shows networks with one.", name=facts.name)
        )
    title = _("Untrained, seed {seed}", seed=_SEED)
    return Weights(title, (networks.OWN, key, str(_SEED)), _plainly(facts.input_shape))


def _plainly(shape: tuple[int, ...]) -> Preparing:
    """For a network that no data set fits: pixels from 0 to 1, in its input's ``shape``."""
    channels = shape[0] if len(shape) == _OF_IMAGES else 1
    plain = ImagePreparation((0.0,) * channels, (1.0,) * channels)
    return Preparing(plain, cast("tuple[int, int, int]", shape))


def _classes(trace: Trace) -> int:
    """How many scores a network gives for an image; 0 where it gives something else."""
    shape = () if trace.output is None or trace.failure is not None else trace.output.output_shape
    return shape[0] if len(shape) == 1 else 0


def _start(recipe: Recipe) -> Weights:
    """The untrained weights of the same architecture, options and seed, with which training starts."""
    title = _("Untrained, seed {seed}", seed=recipe.seed)
    return Weights(title, networks.start_of(recipe), _preparing(recipe), recipe.dataset, recipe=recipe)


def _of_recipe(
    title: str, key: WeightsKey, recipe: Recipe, run_id: str, checkpoint: Checkpoint | None = None
) -> Weights:
    return Weights(title, key, _preparing(recipe), recipe.dataset, _start(recipe), recipe, run_id, checkpoint)


def _preparing(recipe: Recipe) -> Preparing:
    return Preparing(recipe.preparation, datasets.get(recipe.dataset).input_shape)


def choose_weights(notes: DeltaGenerator) -> Weights:
    """The weights in the link's ``checkpoint``, by default those of a small network that is included.

    What there is to say about damaged files, or about the link, stands in ``notes``.
    """
    known = {found.id: found for found in all_checkpoints(notes)}
    unfinished = _unfinished(known)
    own = own_networks.known((query.get("checkpoint") or "").removeprefix(UNTRAINED))
    own_file = of_hosted()
    unusable = own_file is None and query.get("checkpoint") == hosted.NAME and hosted.NAME in hosted.titles()
    if unusable:
        notes.warning(
            _("The network of your file cannot be used; Architecture says why."), icon=":material/error:"
        )
    options = [
        *([] if own_file is None else [hosted.NAME]),
        *known,
        *unfinished,
        *(TORCHVISION + model.name for model in pretrained.registered()),
        *(f"{UNTRAINED}{key}" for key in (*own, *architectures.keys("network"))),
    ]
    chosen = choose_one(
        _("Weights"),
        options,
        key="checkpoint",
        kind=Message("checkpoint"),
        title=lambda option: (
            own_file.title
            if own_file is not None and option == hosted.NAME
            else _title(option, known, unfinished)
        ),
        default=next(
            (found for found in (FIRST_WEIGHTS, *known) if found in known), f"{UNTRAINED}{FIRST_NETWORK}"
        ),
        forget=IN_A_NETWORK,
        notes=notes,
        elsewhere=[hosted.NAME] if unusable else (),
    )
    if own_file is not None and chosen == hosted.NAME:
        return own_file
    if chosen in known:
        return of_checkpoint(known[chosen])
    if chosen in unfinished:
        recipe = unfinished[chosen]
        return of_moment(_name_of_run(chosen, recipe), moments(chosen)[-1], recipe)
    if chosen.startswith(TORCHVISION):
        return of_pretrained(chosen.removeprefix(TORCHVISION))
    return of_untrained(chosen.removeprefix(UNTRAINED))


def _unfinished(known: Mapping[str, Checkpoint]) -> dict[str, Recipe]:
    """The recipes of runs that have snapshots but no checkpoint yet, by run id."""
    found = {run_id: moments(run_id) for run_id in with_snapshots() if run_id not in known}
    if not any(found.values()):
        return {}
    from cnnviz.training.store.store import open_store

    recipes = {}
    for run_id in (run_id for run_id, kept in found.items() if kept):
        with suppress(
            CnnvizError
        ):  # of another store, or of another cnnviz, with what this one does not know
            run = open_store().get(run_id)
            recipe = Recipe.from_dict(run.recipe)
            recipe.validate()
            if run.deleted_at is None:
                recipes[run_id] = recipe
    return recipes


def _name_of_run(run_id: str, recipe: Recipe) -> str:
    return f"{own_networks.title_of(recipe.architecture)} · {run_id}"


def _title(option: str, known: Mapping[str, Checkpoint], unfinished: Mapping[str, Recipe]) -> str:
    if option in known:
        return checkpoint_title(known[option])
    if option in unfinished:
        return _("{title} · unfinished", title=_name_of_run(option, unfinished[option]))
    if option.startswith(TORCHVISION):
        return _("{title} · ImageNet", title=pretrained.get(option.removeprefix(TORCHVISION)).title)
    title = own_networks.title_of(option.removeprefix(UNTRAINED))
    return _("{title} · untrained", title=title)


def moments_of(weights: Weights) -> tuple[Moment, ...]:
    """The snapshots of the training behind ``weights``; none if there are fewer than two.

    Of two that are nearly the same one is left out, unless the link's ``step`` names it.
    """
    found = moments(weights.run_id) if weights.run_id and weights.recipe else ()
    apart, named = told_apart(found), query.get("step")
    found = tuple(moment for moment in found if moment in apart or str(moment.step) == named)
    return found if len(found) > 1 else ()


def choose_layer(
    weights: Weights, shapes: Mapping[str, Shape], default: str | None = None, width: int = 330
) -> str:
    """The layer in the link's ``layer``, one of ``shapes`` (output shapes by name).

    Where it is another operation of the network, which a view before this one had, the default is shown,
    and the link stays as it is.
    """
    types = {op.name: op.type for op in weights.trace.ops}
    with st.container(width=width):
        return choose_one(
            _("Layer"),
            list(shapes),
            key="layer",
            kind=Message("layer"),
            title=lambda name: f"{name} · {types[name]} · {shape_text(shapes[name])}",
            default=default,
            forget=IN_A_LAYER,
            elsewhere=list(types),
        )


def choose_op(weights: Weights) -> Op:
    """The op in the link's ``layer``, by default the first convolution."""
    trace = weights.trace
    shapes = {op.name: op.output_shape for op in trace.ops}
    kinds = [op.kind for op in trace.ops]
    first = next((kinds.index(kind) for kind in ("convolution", "linear") if kind in kinds), 0)
    return trace.op(choose_layer(weights, shapes, default=trace.ops[first].name))


def choose_order(key: str, page: str, *, default: str = "channel", width: int = 200) -> str:
    """The order of the channels, the link's ``key``; changing it drops the parameter ``page``."""
    with st.container(width=width):
        return choose_one(_("Order"), ORDERS, key=key, kind=Message("order"), default=default, forget=(page,))


def choose_page(order: Order, size: int, key: str) -> Order:
    """One page of ``order``; the link's ``key`` holds the page number if there are several."""
    pages = -(-len(order) // size)
    if pages == 1:
        return order
    with st.container(width=150):
        page = choose_number(_("Page (of {pages})", pages=pages), key=key, low=1, high=pages, default=1)
    return order[(page - 1) * size : page * size]
