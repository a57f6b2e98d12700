"""The recipe of a training run: everything that decides what comes out. Importing this imports no torch."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from cnnviz import architectures, datasets
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.settings import settings


@dataclass(frozen=True)
class Range:
    """The numbers that a field of a recipe may take: ``low`` and ``high`` are allowed themselves."""

    label: Message
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """The names that a field of a recipe may take."""

    label: Message
    values: tuple[str, ...]


# Widgets take their limits from here too, so that a page cannot offer what a run would refuse.
RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "epochs": Range(Message("epochs"), 1, 1_000, whole=True),
        "batch_size": Range(Message("batch size"), 1, 4_096, whole=True),
        "learning_rate": Range(Message("learning rate"), 1e-6, 10.0),
        "momentum": Range(Message("momentum"), 0.0, 0.999),
        "seed": Range(Message("seed"), 0, 2**31 - 1, whole=True),
        "threads": Range(Message("threads"), 1, 256, whole=True),
    }
)
CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        "loss": Choice(Message("loss function"), ("cross-entropy",)),
        "optimizer": Choice(Message("optimizer"), ("sgd",)),
        "device": Choice(Message("device"), ("auto", "cpu", "cuda")),
    }
)


@dataclass(frozen=True)
class Recipe:
    """How to train one network; the defaults are the course's.

    ``mean`` and ``deviation``, one a channel, normalise the images after these are scaled to 0..1.
    ``device`` is ``cpu``, ``cuda``, or ``auto``: a GPU where there is one. On the CPU the same recipe,
    ``threads`` included, gives the same losses to the last digit on one machine.
    """

    architecture: str
    dataset: str
    options: Mapping[str, object] = field(default_factory=dict)
    mean: tuple[float, ...] = (0.1307,)
    deviation: tuple[float, ...] = (0.3081,)
    epochs: int = 10
    batch_size: int = 64
    loss: str = "cross-entropy"
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.5
    seed: int = 1
    threads: int = field(default_factory=lambda: settings().threads)
    device: str = "auto"

    @classmethod
    def default(cls, architecture: str, **changes: Any) -> Self:
        """The course's recipe for an architecture, with ``changes`` to single fields; not validated yet.

        Raises:
            UnknownKeyError: there is no such architecture or field.
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
        values: dict[str, Any] = {"dataset": known.dataset, **known.recipe, **changes}
        return cls(architecture=architecture, **values)

    def validate(self) -> None:
        """Check every field.

        Raises:
            UsageError: a value is out of its range; the message names field, value and range.
            UnknownKeyError: there is no such architecture, option or data set.
        """
        architecture, dataset = architectures.get(self.architecture), datasets.get(self.dataset)
        architecture.check_options(self.options)
        for name, limits in RANGES.items():
            _check_number(getattr(self, name), limits)
        for name, choice in CHOICES.items():
            if getattr(self, name) not in choice.values:
                raise _refused(choice.label, getattr(self, name), " | ".join(choice.values))
        _check_fit(architecture, dataset)
        channels = dataset.input_shape[0]
        _check_channels(Message("mean"), self.mean, channels, positive=False)
        _check_channels(Message("standard deviation"), self.deviation, channels, positive=True)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values; :meth:`from_dict` reads them."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        lists = {"mean": list(self.mean), "deviation": list(self.deviation)}
        return {**values, **lists, "options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The recipe that :meth:`to_dict` wrote; its values are not validated.

        Raises:
            UsageError: a field is missing or unknown; the message names it.
        """
        names = {entry.name for entry in dataclasses.fields(cls)}
        unknown, missing = sorted(values.keys() - names), sorted(names - values.keys())
        if unknown or missing:
            raise UsageError(
                Message(
                    "This is no recipe of this cnnviz: unknown fields: {unknown}; missing fields: {missing}.",
                    unknown=", ".join(unknown) or "-",
                    missing=", ".join(missing) or "-",
                )
            )
        return cls(**{**values, "mean": tuple(values["mean"]), "deviation": tuple(values["deviation"])})


def _is_number(value: object) -> bool:
    # comparing, unlike math.isfinite, also answers for whole numbers that are too large for a float
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def _check_number(value: object, limits: Range) -> None:
    fits = _is_number(value) and limits.low <= float(str(value)) <= limits.high
    if limits.whole and not isinstance(value, int):
        fits = False
    if not fits:
        kind = Message("a whole number") if limits.whole else Message("a number")
        rule = Message("{kind} from {low:,} to {high:,}", kind=kind, low=limits.low, high=limits.high)
        raise _refused(limits.label, value, rule)


def _check_channels(label: Message, values: tuple[float, ...], channels: int, positive: bool) -> None:
    low = 0.0 if positive else -math.inf
    if len(values) == channels and all(_is_number(value) and value > low for value in values):
        return
    rule = Message("{count} numbers, one a channel", count=channels)
    if positive:
        rule = Message("{count} numbers greater than 0, one a channel", count=channels)
    raise _refused(label, ", ".join(map(str, values)) or "-", rule)


def _check_fit(architecture: architectures.Architecture, dataset: datasets.DatasetInfo) -> None:
    if (architecture.input_shape, architecture.classes) == (dataset.input_shape, len(dataset.classes)):
        return
    raise UsageError(
        Message(
            "{architecture} takes images of {takes} in {classes} classes; {dataset} has {has} in {count}.",
            architecture=architecture.title,
            takes=" x ".join(map(str, architecture.input_shape)),
            classes=architecture.classes,
            dataset=dataset.title,
            has=" x ".join(map(str, dataset.input_shape)),
            count=len(dataset.classes),
        )
    )


def _refused(label: Message, value: object, rule: Message | str) -> UsageError:
    return UsageError(Message("{field} is {value}; allowed is: {rule}.", field=label, value=value, rule=rule))
