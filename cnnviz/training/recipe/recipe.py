"""The recipe of a training run: everything that determines its result. Importing this imports no torch."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from cnnviz import architectures, datasets
from cnnviz.errors import UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.models import traced
from cnnviz.own.architecture import OwnArchitecture, remember
from cnnviz.own.facts import Facts
from cnnviz.settings import settings
from cnnviz.training.recipe.augmentation import Augmentation
from cnnviz.training.recipe.fields import CHOICES, RANGES, check_field
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.own_network import check_own, check_processes, read_facts

if TYPE_CHECKING:
    from torch import nn


# What the recipes of cnnviz 0.1, which lack these fields, meant by their silence.
_ADDED: Mapping[str, object] = MappingProxyType(
    {
        "resize": None,
        "augmentation": {},
        "permutation_seed": None,
        "train_images": None,
        "weight_decay": 0.0,
        "schedule": "none",
        "step_epochs": 1,
        "step_factor": 0.1,
        "initialisation": "default",
        "train_accuracy": "running",
        "own": None,
        "workers": 1,
    }
)


@dataclass(frozen=True)
class Recipe:
    """How to train one network; :meth:`default` gives the course's recipe.

    Data: ``preparation`` says how images are prepared; of the training images ``train_images`` are used, drawn
    with ``seed``, as many of each class as possible (None: all).

    Training: ``loss`` is ``cross-entropy`` (for a network that ends in a log-softmax that is the negative
    log-likelihood) or ``mse``, the mean squared error against 1 for the right class and 0 for the others.
    ``momentum`` is used by ``sgd`` alone. ``schedule`` multiplies the learning rate from epoch to epoch:
    ``step`` by ``step_factor`` after every ``step_epochs`` epochs, ``cosine`` down to almost 0.
    ``initialisation`` is ``default``, PyTorch's own, or ``xavier`` for the weights of all convolutions and
    Linears. ``train_accuracy`` is the ``running`` average over an epoch, in which the weights change, or that
    of a ``second-pass`` over the training images at its end.

    ``own`` is the code of a person's own network, with what must be known of it, so that nothing else is needed to
    train it; None for the course's networks.

    ``device`` is ``cpu``, ``cuda``, or ``auto``: a GPU where there is one. On the CPU the same recipe,
    ``threads`` included, gives the same losses to the last digit on one machine. ``workers`` processes share each
    batch, each with ``threads`` threads or a GPU of its own: the losses differ from those of one process by rounding
    alone, but for dropout, of which each draws its own.

    Files, links, the command line and :meth:`default` have the preparation's fields among the recipe's own, as
    :meth:`values` lists them.
    """

    architecture: str
    dataset: str
    options: Mapping[str, object]
    preparation: ImagePreparation
    train_images: int | None = None
    epochs: int = 10
    batch_size: int = 64
    loss: str = "cross-entropy"
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.5
    weight_decay: float = 0.0
    schedule: str = "none"
    step_epochs: int = 1
    step_factor: float = 0.1
    initialisation: str = "default"
    train_accuracy: str = "running"
    seed: int = 1
    threads: int = field(default_factory=lambda: settings().threads)
    device: str = "auto"
    workers: int = 1
    own: Facts | None = None

    @classmethod
    def default(cls, architecture: str, **changes: Any) -> Self:
        """The course's recipe for an architecture, with ``changes`` to single fields; not validated yet.

        On a data set other than the course's the images are resized to what the architecture takes, and
        normalised with that data set's mean and deviation.

        Raises:
            UnknownKeyError: there is no such architecture, data set or field.
            UsageError: it is a block, which is not trained by itself, or an own network for which there is no data set.
        """
        known = architectures.get(architecture)
        for name in changes:
            if name not in FIELDS:
                raise UnknownKeyError(Message("recipe field"), name, FIELDS)
        if known.dataset is None:
            raise UsageError(_why_untrainable(known))
        dataset = datasets.get(changes.get("dataset", known.dataset))
        values: dict[str, Any] = {"architecture": architecture, "dataset": known.dataset, "options": {}}
        values |= known.recipe
        values |= {"own": known.facts if isinstance(known, OwnArchitecture) else None}
        values |= {"resize": usual_resize(known, dataset)}
        if "mean" not in known.recipe or known.dataset not in (dataset.key, dataset.part_of):
            values |= {"mean": dataset.mean, "deviation": dataset.deviation}
        values |= changes
        if isinstance(values.get("augmentation"), Mapping):
            values["augmentation"] = Augmentation.from_dict(values["augmentation"])
        return cls.of(values)

    def validate(self) -> None:
        """Check every field.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
            UnknownKeyError: there is no such architecture, option or data set.
        """
        check_own(self.architecture, self.own)
        architecture, dataset = architectures.get(self.architecture), datasets.get(self.dataset)
        architecture.check_options(self.options)
        values = self.values()
        for name in (*RANGES, *CHOICES):
            check_field(name, values[name])
        check_fit(architecture, self.options, dataset, self.preparation.input_shape(dataset.input_shape))
        self.preparation.validate(dataset.input_shape[0])
        if self.train_images is not None and self.train_images > dataset.train_images:
            raise UsageError(
                Message(
                    "The recipe asks for {wanted:,} training images, but {dataset} has only {has:,}.",
                    wanted=self.train_images,
                    dataset=dataset.title,
                    has=dataset.train_images,
                )
            )
        check_batches(architecture, self.options, self.batch_size, self.train_images or dataset.train_images)
        check_processes(self.architecture, self.workers)

    def rate(self, epoch: int, base: float | None = None, since: int = 1) -> float:
        """The learning rate in an epoch (from 1), by the schedule, where in the epoch ``since`` it is ``base``
        (None: ``learning_rate``).
        """
        start = self.learning_rate if base is None else base
        return start * schedule_factor(
            self.schedule, epoch, self.epochs, self.step_epochs, self.step_factor, since
        )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of the images that the network gets."""
        return self.preparation.input_shape(datasets.get(self.dataset).input_shape)

    def values(self) -> dict[str, Any]:
        """All :data:`FIELDS` with their values, those of the preparation among them."""
        return {name: getattr(self.preparation if name in _PREPARATION else self, name) for name in FIELDS}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The recipe whose :meth:`values` these are; they are not validated."""
        inner = {name: value for name, value in values.items() if name in _PREPARATION}
        others = {name: value for name, value in values.items() if name not in _PREPARATION}
        return cls(preparation=ImagePreparation(**inner), **others)

    def changed(self, **changes: Any) -> Self:
        """The recipe with ``changes`` to single :data:`FIELDS`; not validated."""
        return self.of({**self.values(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values; :meth:`from_dict` reads them. Only one of an own network has ``own``, and only
        one of several processes ``workers``: so any other stays the same text, with the same digest.
        """
        values = self.values()
        own = values.pop("own")
        if self.workers == 1:
            del values["workers"]
        lists = {"mean": list(values["mean"]), "deviation": list(values["deviation"])}
        mappings = {"options": dict(self.options), "augmentation": values["augmentation"].to_dict()}
        return {**values, **lists, **mappings, **({} if own is None else {"own": own.to_dict()})}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The recipe that :meth:`to_dict` wrote, of this or an earlier cnnviz; its values are not validated.

        The own network that it brings along is known in this process from now on.

        Raises:
            UsageError: a field is missing or unknown, the message names it; or the code is that of another network.
        """
        values = {**_ADDED, **values}
        unknown, missing = sorted(values.keys() - set(FIELDS)), sorted(set(FIELDS) - values.keys())
        if unknown or missing:
            raise UsageError(
                Message(
                    "This version of cnnviz cannot use the recipe. Unknown fields: {unknown}; missing "
                    "fields: {missing}.",
                    unknown=", ".join(map(shortened, unknown)) or "-",
                    missing=", ".join(missing) or "-",
                )
            )
        channels = {"mean": tuple(values["mean"]), "deviation": tuple(values["deviation"])}
        augmentation = Augmentation.from_dict(values["augmentation"])
        own = _own(values)
        return cls.of({**values, **channels, "augmentation": augmentation, "own": own})


def _own(values: Mapping[str, Any]) -> Facts | None:
    """The own network among a recipe's JSON ``values``, which its key must fit."""
    if values["own"] is None:
        return None
    facts = Facts.from_dict(values["own"])
    if facts.key != values["architecture"]:
        raise UsageError(
            Message(
                "The recipe's code is that of the network {found}, not of {key}.",
                found=facts.key,
                key=shortened(values["architecture"]),
            )
        )
    remember(facts)
    return facts


_PREPARATION = tuple(entry.name for entry in dataclasses.fields(ImagePreparation))


def _fields() -> Iterator[str]:
    for entry in dataclasses.fields(Recipe):
        yield from _PREPARATION if entry.name == "preparation" else (entry.name,)


FIELDS = tuple(_fields())
"""The names of a recipe's fields, those of its preparation among them, in the order in which files have them."""


def schedule_factor(
    schedule: str, epoch: int, epochs: int, step_epochs: int, step_factor: float, since: int = 1
) -> float:
    """The factor by which the learning rate in ``epoch`` differs from that in ``since``, both counted from 1, of
    ``epochs``.

    ``none``: 1. ``step``: ``step_factor`` once for every ``step_epochs`` epochs that are over, as PyTorch's
    ``StepLR``. ``cosine``: from 1 along half a cosine towards 0, which it would reach one epoch after the
    last, as ``CosineAnnealingLR`` (Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts).

    >>> [round(schedule_factor("cosine", epoch, 4, 1, 0.1), 3) for epoch in (1, 2, 3, 4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if schedule == "step":  # not a quotient of two powers: after some hundred steps both are 0
        return step_factor ** ((epoch - 1) // step_epochs - (since - 1) // step_epochs)
    if schedule == "cosine":
        return _half_cosine(epoch, epochs) / _half_cosine(since, epochs)
    return 1.0


def _half_cosine(epoch: int, epochs: int) -> float:
    return (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


def recipe_text(recipe: Recipe) -> str:
    """A recipe as the text of a file to keep: indented JSON."""
    return json.dumps(recipe.to_dict(), indent=2, ensure_ascii=False) + "\n"


def script_name(recipe: Recipe) -> str:
    """A name for the file that :func:`cnnviz.training.scripts.scripts.recipe_script` writes."""
    return f"{recipe.architecture}_{recipe.dataset}.py".replace("-", "_")


def read_recipe(data: bytes) -> Recipe:
    """The valid recipe in a file that :func:`recipe_text` or a checkpoint wrote, of this or an earlier cnnviz.

    Raises:
        UsageError: there is none in it, or one that cannot be trained by; the message says why.
    """
    try:
        recipe = Recipe.from_dict(_values(data))
        recipe.validate()
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise UsageError(Message("Cannot read the recipe in this file: {reason}.", reason=error)) from error
    return recipe


def _values(data: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            Message("This is not a JSON file. Choose a recipe saved on the Train page.")
        ) from error
    if isinstance(values, dict) and isinstance(values.get("recipe"), dict):  # the facts of a checkpoint
        values = values["recipe"]
    if not isinstance(values, dict):
        raise UsageError(Message("This file contains no recipe."))
    return values


# -- whether network, data set and sizes fit together ----------------------------------------------


def usual_resize(architecture: architectures.Architecture, dataset: datasets.DatasetInfo) -> int | None:
    """The size to which images are resized for an architecture; None if they have it already."""
    wanted = architecture.input_shape[1:]
    return None if wanted == dataset.input_shape[1:] else wanted[0]


def check_fit(
    architecture: architectures.Architecture,
    options: Mapping[str, object],
    dataset: datasets.DatasetInfo,
    shape: tuple[int, int, int],
) -> None:
    """Check that the network takes the data set's images, brought to ``shape`` (C, H, W), and has its classes.

    A size other than the architecture's own is tried out on the meta device, which imports torch.

    Raises:
        UsageError: it does not; the message says why.
    """
    if (architecture.input_shape[0], architecture.classes) != (shape[0], len(dataset.classes)):
        raise UsageError(
            Message(
                "{architecture} expects {takes} images in {classes} classes, but {dataset} has {has} "
                "images in {count}.",
                architecture=architecture.title,
                takes=" x ".join(map(str, architecture.input_shape)),
                classes=architecture.classes or 0,
                dataset=dataset.title,
                has=" x ".join(map(str, dataset.input_shape)),
                count=len(dataset.classes),
            )
        )
    if shape == architecture.input_shape:
        return
    reason = _misfit(architecture.key, json.dumps(dict(options), sort_keys=True), shape)
    if reason is not None:
        raise UsageError(
            Message(
                "{architecture} does not accept {has} images: {reason} Resize them to {size} pixels.",
                architecture=architecture.title,
                has=" x ".join(map(str, shape)),
                reason=reason,
                size=architecture.input_shape[1],
            )
        )


def check_batches(
    architecture: architectures.Architecture, options: Mapping[str, object], batch_size: int, images: int
) -> None:
    """Check that batch normalisation has more than one image to normalise over.

    Raises:
        UsageError: the network normalises over the batch, and there would be one image in each.
    """
    if min(batch_size, images) > 1 or not _normalises(
        architecture.key, json.dumps(dict(options), sort_keys=True)
    ):
        return
    raise UsageError(
        Message(
            "{architecture} has batch normalisation, which needs the mean and standard deviation of a "
            "batch; for a single image, the standard deviation is 0. Use batches of at least 2 images.",
            architecture=architecture.title,
        )
    )


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a layer of ``model`` normalises over the batch while training."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return any(isinstance(module, _BatchNorm) for module in model.modules())


def _why_untrainable(known: architectures.Architecture) -> Message:
    if not isinstance(known, OwnArchitecture):
        return Message(
            "{title} is a block without classes and cannot be trained by itself.", title=known.title
        )
    facts = read_facts(known.facts)
    check_own(known.key, facts)
    return Message(
        "{title} takes images with {channels} channels and ends in {classes} classes; no data set here has these.",
        title=known.title,
        channels=(facts.input_shape or (0,))[0],
        classes=facts.classes,
    )


@lru_cache(maxsize=256)
def _misfit(key: str, options: str, shape: tuple[int, int, int]) -> Message | None:
    """Why the network fails on images of ``shape`` (C, H, W); None if it does not."""
    failure = traced(key, json.loads(options), shape).failure
    return None if failure is None else failure.reason


@lru_cache(maxsize=256)
def _normalises(key: str, options: str) -> bool:
    known = architectures.get(key)
    if isinstance(known, OwnArchitecture):  # a server does not evaluate its text
        return any("batchnorm" in op.type.lower().replace("_", "") for op in traced(key, {}).ops)
    import torch

    with torch.device("meta"):
        return has_batch_norm(known.build(**json.loads(options)))
