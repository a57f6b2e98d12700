"""The recipe of a training run: everything that decides what comes out. Importing this imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from cnnviz import architectures, datasets
from cnnviz.errors import UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.recipe.fitting import check_batches, check_fit, usual_resize
from cnnviz.training.recipe.limits import CHOICES, RANGES, Choice, Range, check_channels, check_field
from cnnviz.training.transforms.augmentation import NONE, Augmentation

__all__ = ["CHOICES", "RANGES", "Choice", "Range", "Recipe"]

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
    }
)


@dataclass(frozen=True)
class Recipe:
    """How to train one network; :meth:`default` gives the course's way.

    Data: training images get the random changes of ``augmentation``. All images are brought to ``resize``
    pixels (None: as they are), and normalised with ``mean`` and ``deviation``, one a channel, after they are
    scaled to 0..1. ``permutation_seed`` draws one order of the pixels in which all images are seen (None: the
    natural one). Of the training images ``train_images`` are
    used, drawn with ``seed``, as many of each class as possible (None: all).

    Training: ``loss`` is ``cross-entropy`` (for a network that ends in a log-softmax that is the negative
    log-likelihood) or ``mse``, the mean squared error against 1 for the right class and 0 for the others.
    ``momentum`` is used by ``sgd`` alone. ``schedule`` multiplies the learning rate from epoch to epoch:
    ``step`` by ``step_factor`` after every ``step_epochs`` epochs, ``cosine`` down to almost 0.
    ``initialisation`` is ``default``, PyTorch's own, or ``xavier`` for the weights of all convolutions and
    Linears. ``train_accuracy`` is the ``running`` average over an epoch, in which the weights change, or that
    of a ``second-pass`` over the training images at its end.

    ``device`` is ``cpu``, ``cuda``, or ``auto``: a GPU where there is one. On the CPU the same recipe,
    ``threads`` included, gives the same losses to the last digit on one machine.
    """

    architecture: str
    dataset: str
    options: Mapping[str, object] = field(default_factory=dict)
    mean: tuple[float, ...] = (0.1307,)
    deviation: tuple[float, ...] = (0.3081,)
    resize: int | None = None
    augmentation: Augmentation = NONE
    permutation_seed: int | None = None
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

    @classmethod
    def default(cls, architecture: str, **changes: Any) -> Self:
        """The course's recipe for an architecture, with ``changes`` to single fields; not validated yet.

        On a data set other than the course's the images are resized to what the architecture takes, and
        normalised with that data set's mean and deviation.

        Raises:
            UnknownKeyError: there is no such architecture, data set or field.
            UsageError: it is a block, which is not trained by itself.
        """
        known = architectures.get(architecture)
        names = {entry.name for entry in dataclasses.fields(cls)}
        for name in changes:
            if name not in names:
                raise UnknownKeyError(Message("The recipe's field"), name, names)
        if known.dataset is None:
            raise UsageError(
                Message("{title} is a block without classes: it is not trained by itself.", title=known.title)
            )
        dataset = datasets.get(changes.get("dataset", known.dataset))
        values: dict[str, Any] = {"dataset": known.dataset, **known.recipe}
        values |= {"resize": usual_resize(known, dataset)}
        if "mean" not in known.recipe or known.dataset not in (dataset.key, dataset.part_of):
            values |= {"mean": dataset.mean, "deviation": dataset.deviation}
        values |= changes
        if isinstance(values.get("augmentation"), Mapping):
            values["augmentation"] = Augmentation.from_dict(values["augmentation"])
        return cls(architecture=architecture, **values)

    def validate(self) -> None:
        """Check every field.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
            UnknownKeyError: there is no such architecture, option or data set.
        """
        architecture, dataset = architectures.get(self.architecture), datasets.get(self.dataset)
        architecture.check_options(self.options)
        for name in (*RANGES, *CHOICES):
            check_field(name, getattr(self, name))
        self.augmentation.validate()
        check_fit(architecture, self.options, dataset, self.resize)
        channels = dataset.input_shape[0]
        check_channels(Message("mean"), self.mean, channels, positive=False)
        check_channels(Message("standard deviation"), self.deviation, channels, positive=True)
        if self.train_images is not None and self.train_images > dataset.train_images:
            raise UsageError(
                Message(
                    "{wanted:,} training images are asked for; {dataset} has {has:,}.",
                    wanted=self.train_images,
                    dataset=dataset.title,
                    has=dataset.train_images,
                )
            )
        check_batches(architecture, self.options, self.batch_size, self.train_images or dataset.train_images)

    def rate(self, epoch: int, base: float | None = None, since: int = 1) -> float:
        """The learning rate in an epoch (from 1), by the schedule, where in the epoch ``since`` it is ``base``
        (None: ``learning_rate``).
        """
        from cnnviz.training.recipe.schedules import factor

        start = self.learning_rate if base is None else base
        return start * factor(self.schedule, epoch, self.epochs, self.step_epochs, self.step_factor, since)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values; :meth:`from_dict` reads them."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        lists = {"mean": list(self.mean), "deviation": list(self.deviation)}
        mappings = {"options": dict(self.options), "augmentation": self.augmentation.to_dict()}
        return {**values, **lists, **mappings}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The recipe that :meth:`to_dict` wrote, of this or an earlier cnnviz; its values are not validated.

        Raises:
            UsageError: a field is missing or unknown; the message names it.
        """
        values = {**_ADDED, **values}
        names = {entry.name for entry in dataclasses.fields(cls)}
        unknown, missing = sorted(values.keys() - names), sorted(names - values.keys())
        if unknown or missing:
            raise UsageError(
                Message(
                    "This is no recipe of this cnnviz: unknown fields: {unknown}; missing fields: {missing}.",
                    unknown=", ".join(map(shortened, unknown)) or "-",
                    missing=", ".join(missing) or "-",
                )
            )
        channels = {"mean": tuple(values["mean"]), "deviation": tuple(values["deviation"])}
        return cls(**{**values, **channels, "augmentation": Augmentation.from_dict(values["augmentation"])})
