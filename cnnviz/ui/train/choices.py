"""The recipe form: every field is kept in the link; common fields are visible, the others are in expanders."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz import architectures, datasets
from cnnviz.architectures import Architecture
from cnnviz.classroom.controls import Control
from cnnviz.datasets import DatasetInfo
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.augmentation import PRESETS, STRENGTHS, Augmentation, Strength
from cnnviz.training.recipe.fields import CHOICES, RANGES, Range, check_field
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.ui.architecture.network import choose_options
from cnnviz.ui.shared import controls, hosted, own_networks
from cnnviz.ui.shared.carried import data_for, trainable
from cnnviz.ui.shared.downloads import choose_data_set
from cnnviz.ui.shared.frame import ARCHITECTURE, link
from cnnviz.ui.shared.link_state import (
    choose_number,
    choose_one,
    choose_switch,
    choose_text,
    edits_in_link,
    put_in_link,
)
from cnnviz.ui.shared.problems import explained, link_problem, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption

NETWORK, DATA, OPTIONS, PERMUTE, ORDER = "model", "dataset", "set", "permute", "order"
"""Parameters of the link whose name is not the field's."""

WIDTH = 128
"""Of a number field, in pixels: two fit side by side, next to the curves and on a phone."""

VALUES: Mapping[str, Message] = MappingProxyType(
    {
        "cross-entropy": Message("cross-entropy"),
        "mse": Message("mean squared error"),
        "sgd": Message("SGD"),
        "adam": Message("Adam"),
        "adamw": Message("AdamW"),
        "none": Message("none (constant)"),
        "step": Message("step"),
        "cosine": Message("cosine"),
        "default": Message("PyTorch default"),
        "xavier": Message("Xavier"),
        "running": Message("running average"),
        "second-pass": Message("second pass"),
        "auto": Message("GPU if available"),
        "cpu": Message("CPU"),
        "cuda": Message("GPU (CUDA)"),
    }
)
"""What is shown for the values of a field."""

_OF_THE_DATA = ("resize", "mean", "deviation", "train_images")
_IMAGES = (*_OF_THE_DATA, PERMUTE, ORDER)
_LEARNING = ("weight_decay", "schedule", "step_epochs", "step_factor", "loss", "initialisation")
_MACHINE = ("train_accuracy", "threads", "workers", "device")
_AUGMENTATION = tuple(entry.name for entry in dataclasses.fields(Augmentation))


@dataclass(frozen=True)
class Normalisation:
    """A usual way to normalise: the ``mean`` and the ``deviation`` of every channel; None: the data set's."""

    title: Message
    mean: float | None
    deviation: float | None


NORMALISATIONS: Mapping[str, Normalisation] = MappingProxyType(
    {
        "data": Normalisation(Message("from the data set"), None, None),
        "half": Normalisation(Message("0.5, 0.5"), 0.5, 0.5),
        "none": Normalisation(Message("0 to 1"), 0.0, 1.0),
    }
)


@dataclass
class Fields:
    """Widgets for the fields of a recipe, with the values of ``default`` as defaults.

    Their values are collected in ``values``. Problems with the link are shown in ``notes``. Number widgets have no
    limits: the recipe's own check says what is wrong with a number, in a link as well, where Streamlit
    would drop it without a word.
    """

    default: Recipe
    notes: DeltaGenerator
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.usual = self.default.values()

    def number(self, label: str, name: str, **options: Any) -> Any:
        """A field that is always a number."""
        usual = self.usual[name]
        kind = type(usual)
        self.values[name] = self._number(
            label, name, kind(RANGES[name].low), kind(RANGES[name].high), usual, options
        )
        return self.values[name]

    def optional(self, label: str, name: str, absent: int, **options: Any) -> None:
        """A whole number that may be None, which the widget shows as ``absent``."""
        usual = self.usual[name]
        limits = RANGES[name]
        shown = absent if usual is None else usual
        chosen = self._number(label, name, int(limits.low), int(limits.high), shown, options)
        self.values[name] = None if chosen == absent else chosen

    def choice(self, label: str, name: str, **look: Any) -> str:
        """A field that is one of several names."""
        self.values[name] = choose_one(
            label,
            CHOICES[name].values,
            key=name,
            kind=CHOICES[name].label,
            title=lambda value: str(VALUES[value]),
            default=self.usual[name],
            notes=self.notes,
            **{**look, "help": f"{CHOICES[name].meaning} {look.get('help', '')}".strip()},
        )
        return str(self.values[name])

    def channels(self, label: str, name: str, **look: Any) -> None:
        """Comma-separated numbers, one per channel."""
        usual = channels_text(self.usual[name])
        self.values[name] = _read_channels(choose_text(label, key=name, default=usual, **look))

    def _number(
        self, label: str, name: str, low: Any, high: Any, usual: Any, options: Mapping[str, Any]
    ) -> Any:
        return choose_number(
            label,
            key=name,
            low=low,
            high=high,
            default=usual,
            limited=False,
            notes=self.notes,
            **{"width": WIDTH, "help": meaning_of(name), **options},
        )


def meaning_of(name: str) -> str:
    """What the number ``name`` of a recipe does, and what it may be."""
    return _told(RANGES[name])


def _told(limits: Range) -> str:
    return _(
        "{meaning} From {low} to {high}.",
        meaning=limits.meaning or "",
        low=_written(limits.low),
        high=_written(limits.high),
    )


def _written(number: float) -> str:
    """A number without an exponent: 0.000001, not 1e-06."""
    text = f"{number:,.6f}".rstrip("0").rstrip(".")
    return text or "0"


def choose_recipe() -> Recipe | None:
    """The recipe in the form; None if it cannot be used for training, with the reason shown on the page."""
    network = _choose_network()
    if network is None:
        return None
    info = _choose_data(network)
    notes = st.container()
    fields = Fields(Recipe.default(network.key, dataset=info.key), notes)
    _common(fields)
    _network_options(network, fields)
    _images(info, fields)
    with _folded(_("Augmentation"), "augmentation", _AUGMENTATION):
        usual = fields.usual["augmentation"]
        fields.values["augmentation"] = choose_augmentation(info.input_shape[0], usual, notes)
    _learning(fields)
    _machine(fields)
    recipe = fields.default.changed(**fields.values)
    if problems := _problems(recipe):
        with notes:
            st.error("\n\n".join(plain(problem) for problem in problems), icon=":material/error:")
        return None
    return recipe


def tested_on(info: DatasetInfo) -> Message:
    """Which images a network is trained on, and which ones measure its test accuracy."""
    if info.part_of is None:
        return Message(
            "Trains on {train:,} images. Test accuracy is measured on the {test:,} test images of "
            "{title}, which are never used for training.",
            train=info.train_images,
            test=info.test_images,
            title=info.title,
        )
    return Message(
        "Trains on {train:,} images from {whole}'s training set. Test accuracy is measured on {test:,} "
        "other images from that set, which are never used for training; {whole}'s test images are not "
        "used.",
        train=info.train_images,
        test=info.test_images,
        whole=datasets.get(info.part_of).title,
    )


def _choose_network() -> Architecture | None:
    """The network to train; None where it is the hosted one and cannot be trained, with the reason on the page."""
    named, course = query.get(NETWORK), trainable()
    own, live = own_networks.trainable(named), hosted.titles()
    unusable = (
        own_networks.why_not(named) if named and named not in own and own_networks.is_known(named) else None
    )
    chosen = choose_one(
        _("Network"),
        [*live, *own, *course],
        key=NETWORK,
        kind=Message("architecture"),
        title=lambda key: live.get(key) or own.get(key) or architectures.get(key).title,
        default=course[0],
        forget=(OPTIONS, *_OF_THE_DATA),
        elsewhere=[named] if unusable is not None and named else (),
    )
    own_networks.tell_damaged()
    if unusable is not None:
        st.warning(plain(unusable), icon=":material/error:")
        link(ARCHITECTURE, _("Open its code"), model=str(named))
    if chosen not in live:
        return architectures.get(chosen)
    found: Architecture | None = None
    with explained():
        found = _hosted()
    return found


def _hosted() -> Architecture:
    """The hosted network as a text, which a recipe holds.

    Raises:
        CnnvizError: it cannot be trained; the message says why, and what to do.
    """
    facts = hosted.facts_or_stop()
    hosted.follow_changes(facts.stamp)
    key = hosted.key_of_text(facts)
    reason = own_networks.why_not(key)
    if reason is not None:
        raise reason
    caption(
        _(
            "Training starts from new weights. A run keeps the code of {place} as it is when you start it.",
            place=plain(facts.place),
        )
    )
    return architectures.get(key)


def _choose_data(network: Architecture) -> DatasetInfo:
    fitting = [info.key for info in data_for(network)]
    there = network.dataset in fitting and datasets.is_available(network.dataset)
    usual = network.dataset if there else fitting[0]
    info = choose_data_set(fitting, usual, _("Data"), _OF_THE_DATA)
    caption(str(tested_on(info)))
    return info


@controls.offers(Control.TRAINING)
def start(is_possible: bool) -> bool:
    """The button that starts a run; whether it was pressed."""
    return st.button(
        _("Start training"),
        type="primary",
        icon=":material/play_arrow:",
        key="start",
        disabled=not is_possible,
        width="stretch",
    )


def _common(fields: Fields) -> None:
    with st.container(horizontal=True):
        fields.number(_("Epochs"), "epochs", step=1)
        fields.number(_("Batch size"), "batch_size", step=16)
        optimizer = fields.choice(_("Optimizer"), "optimizer", width=WIDTH)
        fields.number(_("Learning rate"), "learning_rate", step=0.005, format="%g")
        if optimizer == "sgd":
            fields.number(_("Momentum"), "momentum", step=0.1, format="%g")
        fields.number(_("Seed"), "seed", step=1)


@contextmanager
def _folded(title: str, key: str, parameters: Sequence[str]) -> Iterator[None]:
    """An expander whose title counts the ``parameters`` that differ from the course's recipe."""
    changed = sum(name in query for name in parameters)
    label = title
    if changed:
        label += " " + _(":primary-badge[{changed} changed]", changed=changed)
    with st.expander(label, key=f"group-{key}"):
        yield


def _network_options(network: Architecture, fields: Fields) -> None:
    edits = edits_in_link() if OPTIONS in query else ()
    usable = []
    for name, value in edits:
        try:
            network.check_options({name: json.loads(value)})
            usable.append((name, value))
        except UsageError as error:
            with fields.notes:
                link_problem(error.message)
    fields.values["options"] = {name: json.loads(value) for name, value in usable}
    if network.options:
        with _folded(_("Network options"), "options", (OPTIONS,)):
            choose_options(network, tuple(usable), most_columns=1)


def _images(info: DatasetInfo, fields: Fields) -> None:
    side = info.input_shape[1]
    with _folded(_("Images"), "images", _IMAGES):
        with st.container(horizontal=True):
            fields.optional(_("Image size"), "resize", side, step=4)
            fields.optional(_("Training images"), "train_images", info.train_images, step=500)
        caption(
            _(
                "The images have {side} x {side} pixels; any other size rescales them. With fewer "
                "training images, the seed decides which ones are drawn, with classes as balanced as "
                "possible.",
                side=side,
            )
        )
        _normalisation(info, fields)
        permuted = choose_switch(_("Shuffle the pixels"), key=PERMUTE, notes=fields.notes)
        fields.values["permutation_seed"] = _order(fields.notes) if permuted else None


def _normalisation(info: DatasetInfo, fields: Fields) -> None:
    help_text = _("One number per channel, for values from 0 to 1, separated by commas.")
    fields.channels(_("Mean"), "mean", help=help_text)
    fields.channels(_("Standard deviation"), "deviation", help=help_text)
    with st.container(horizontal=True, gap="small"):
        for key, way in NORMALISATIONS.items():
            channels = len(info.mean)
            mean = info.mean if way.mean is None else (way.mean,) * channels
            deviation = info.deviation if way.deviation is None else (way.deviation,) * channels
            st.button(
                str(way.title),
                key=f"normalise-{key}",
                on_click=_put_normalisation,
                args=(fields.default.preparation, mean, deviation),
            )


def _put_normalisation(
    usual: ImagePreparation, mean: tuple[float, ...], deviation: tuple[float, ...]
) -> None:
    put_in_link("mean", channels_text(mean), channels_text(usual.mean))
    put_in_link("deviation", channels_text(deviation), channels_text(usual.deviation))


def _order(notes: DeltaGenerator) -> int:
    limits = RANGES["permutation_seed"]
    return choose_number(
        _("Permutation seed"),
        key=ORDER,
        low=int(limits.low),
        high=int(limits.high),
        default=0,
        limited=False,
        notes=notes,
        width=160,
        help=meaning_of("permutation_seed"),
    )


def _learning(fields: Fields) -> None:
    with _folded(_("Optimisation and loss"), "learning", _LEARNING):
        fields.number(_("Weight decay"), "weight_decay", step=0.0001, format="%g")
        schedule = fields.choice(
            _("Learning rate schedule"),
            "schedule",
            help=_(
                "step: multiplied by a factor every few epochs; cosine: decreases to almost 0 at the end."
            ),
        )
        if schedule == "step":
            with st.container(horizontal=True):
                fields.number(_("Every ... epochs"), "step_epochs", step=1)
                fields.number(_("Factor"), "step_factor", step=0.1, format="%g")
        fields.choice(
            _("Loss"),
            "loss",
            help=_("For a network that ends in log-softmax, cross-entropy is the negative log-likelihood."),
        )
        fields.choice(
            _("Initialisation"),
            "initialisation",
            help=_("Xavier: uniform weights for all convolutions and Linears (Glorot and Bengio 2010)."),
        )


def _machine(fields: Fields) -> None:
    with _folded(_("Measurement and hardware"), "machine", _MACHINE):
        fields.choice(
            _("Training accuracy"),
            "train_accuracy",
            help=_(
                "The running average is free, but computed while the weights change; a second pass over "
                "the training images uses the weights at the end of the epoch."
            ),
        )
        fields.choice(_("Device"), "device")
        with st.container(horizontal=True):
            fields.number(_("Threads"), "threads", step=1)
            fields.number(_("Processes"), "workers", step=1)


def _problems(recipe: Recipe) -> list[str]:
    """What is wrong with single fields; if nothing is, what is wrong with their combination."""
    found: list[str] = []
    values = recipe.values()
    for name in (*RANGES, *CHOICES):
        found += _problem(check_field, name, values[name])
    return found or _problem(recipe.validate)


def _problem(check: Callable[..., None], *values: object) -> list[str]:
    try:
        check(*values)
    except (
        CnnvizError
    ) as error:  # beside what is wrong with the recipe: an own network could not be read just now
        return [str(error)]
    return []


def channels_text(values: tuple[float, ...]) -> str:
    """Numbers, one per channel, as the link and the widget hold them."""
    return ", ".join(map(str, values))


def _read_channels(text: str) -> tuple[Any, ...]:
    """The numbers; anything else stays text, so that the recipe's check can quote it."""
    return tuple(_read(piece.strip()) for piece in text.split(",") if piece.strip())


def _read(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def choose_augmentation(channels: int, usual: Augmentation, notes: DeltaGenerator) -> Augmentation:
    """Choose the augmentation of images with this number of ``channels``; ``usual`` are the defaults.

    Sentences about the link go into ``notes``.
    """
    with st.container(horizontal=True, gap="small"):
        for key, preset in PRESETS.items():
            st.button(
                str(preset.title),
                key=f"preset-{key}",
                on_click=_put_augmentation,
                args=(preset.augmentation, usual),
            )
    with notes:
        problems = st.container()
    flip = choose_switch(
        _("Horizontal flip"),
        key="flip",
        default=usual.flip,
        notes=problems,
        help=_("Half of the images are mirrored left to right. Digits and letters would become other signs."),
    )
    fields: dict[str, Any] = {"flip": flip}
    shown = [name for name, strength in STRENGTHS.items() if channels in strength.channels]
    columns = st.columns(2)
    for number, name in enumerate(shown):
        with columns[2 * number // len(shown)]:
            fields[name] = _slider(name, STRENGTHS[name], getattr(usual, name), problems)
    return Augmentation(**fields)


def _slider(name: str, strength: Strength, usual: float, notes: DeltaGenerator) -> float:
    limits, kind = strength.limits, type(usual)
    return choose_number(
        str(strength.label),
        key=name,
        low=kind(limits.low),
        high=kind(limits.high),
        default=usual,
        notes=notes,
        widget=st.slider,
        step=kind(strength.step),
        format=strength.format,
        help=_told(strength.limits),
    )


def _put_augmentation(wanted: Augmentation, usual: Augmentation) -> None:
    """Write ``wanted`` into the link, where the widgets read it."""
    for name in (entry.name for entry in dataclasses.fields(Augmentation)):
        value, default = getattr(wanted, name), getattr(usual, name)
        put_in_link(name, value, default)
