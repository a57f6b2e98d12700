"""What an experiment is: a claim, the recipes that test it, what came out, a figure, and how it is judged.

Imports no torch.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.runs import message_from_json, message_to_json

DIGITS = 5
"""Significant digits of what is shipped."""

_ENDED = ("finished", "failed", "refused")
_NUMBERS = ("progress", "losses", "first_norms", "later_norms")
_COLUMNS = tuple(entry.name for entry in dataclasses.fields(EpochMetrics))


@dataclass(frozen=True)
class Outcome:
    """How a variant's training went.

    ``status`` is the run's, or ``refused`` where the lab did not take the recipe; ``reason`` says why it failed
    or was refused. ``losses`` are means over blocks of training steps and ``progress`` where each block ends,
    in epochs. ``first_norms`` are the Euclidean norms of the gradient at the first step for each of the
    ``layers`` with weights, in order of execution; ``later_norms`` their medians over the second half of the
    training. ``macs`` are multiply-adds for one image by kernel (``5x5``, or ``Linear``), as :mod:`cnnviz.shapes`
    counts them.
    """

    status: str
    recipe: Mapping[str, Any]
    reason: Message | None = None
    epochs: tuple[EpochMetrics, ...] = ()
    progress: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    first_norms: tuple[float, ...] = ()
    later_norms: tuple[float, ...] = ()
    parameters: int = 0
    macs: Mapping[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: it finished, failed by itself, or was refused."""
        return self.status in _ENDED

    @property
    def test_accuracy(self) -> float | None:
        """After the last epoch, 0..1; None before the first, and of a training that failed."""
        return self._last("test_accuracy")

    @property
    def train_accuracy(self) -> float | None:
        """Of the last epoch, 0..1; None as for :attr:`test_accuracy`."""
        return self._last("train_accuracy")

    @property
    def loss(self) -> float | None:
        """The mean training loss of the last epoch; None as for :attr:`test_accuracy`."""
        return self._last("train_loss")

    @property
    def test_loss(self) -> float | None:
        """Of the last epoch; None as for :attr:`test_accuracy`."""
        return self._last("test_loss")

    @property
    def accuracy(self) -> float:
        """:attr:`test_accuracy`, and 0 where there is none: for judging."""
        return self.test_accuracy or 0.0

    @property
    def milliseconds(self) -> float | None:
        """Training time of one image, the median over the epochs; None before the first."""
        if not self.epochs:
            return None
        return 1000 / statistics.median(epoch.images_per_second for epoch in self.epochs)

    @property
    def total_macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(self.macs.values())

    def _last(self, name: str) -> float | None:
        if self.status == "failed" or not self.epochs:
            return None
        return float(getattr(self.epochs[-1], name))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, numbers with :data:`DIGITS` digits; :meth:`from_dict` reads them.

        Epochs are stored by column, which takes a third of the space.
        """
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        columns = {name: [getattr(epoch, name) for epoch in self.epochs] for name in _COLUMNS}
        return {
            **values,
            **{name: _rounded(values[name]) for name in _NUMBERS},
            "reason": message_to_json(self.reason),
            "epochs": {name: _rounded(column) for name, column in columns.items()},
            "layers": list(self.layers),
            "macs": dict(self.macs),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` wrote.

        Raises:
            TypeError, KeyError, ValueError: something is missing, unknown, or of another length.
        """
        rows = zip(*(values["epochs"][name] for name in _COLUMNS), strict=True)
        return cls(
            **{
                **values,
                **{name: tuple(values[name]) for name in (*_NUMBERS, "layers")},
                "reason": message_from_json(values["reason"]),
                "epochs": tuple(EpochMetrics(*row) for row in rows),
            }
        )


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [number if isinstance(number, int) else float(f"{number:.{DIGITS}g}") for number in numbers]


Setting = Literal["quick", "full", "smallest"]
Kind = Literal["bars", "stack", "curves", "sweep", "layers"]
Outcomes = Mapping[str, Outcome]
"""What each variant gave, by its key."""

_SMALLEST_IMAGES, _SMALLEST_BATCH = 64, 32


@dataclass(frozen=True)
class Variant:
    """One of the trainings that are compared: ``recipe`` holds the fields in which it differs from the others.

    Variants of one ``series`` share a line in a sweep, or a colour among bars, where ``place`` names the bars
    that stand together. ``refused`` says that the lab refuses this recipe, and that its reason is the result.
    ``full_only`` leaves the variant out of the quick setting.
    """

    key: str
    title: Message
    recipe: Mapping[str, Any]
    series: Message | None = None
    place: Message | None = None
    refused: bool = False
    full_only: bool = False


@dataclass(frozen=True)
class Panel:
    """One part of an experiment's figure; ``note`` is the sentence that says what to see in it.

    - ``bars``: a bar for each variant, as high as its ``y``; several ``y`` stand side by side.
    - ``stack``: a bar of multiply-adds for each variant, its parts by size of kernel.
    - ``curves``: ``y`` (``loss`` or ``test_accuracy``) of each variant over the epochs.
    - ``sweep``: ``y`` over the recipe's field ``x`` (``learning_rate``, ``options.width``), a line for each series.
    - ``layers``: the gradient norm (``first_norms`` or ``later_norms``) of each layer, from input to output.

    ``y`` are properties of :class:`cnnviz.experiments.experiment.Outcome`. ``variants`` are the keys of those that
    are drawn; without them all are.
    """

    kind: Kind
    title: Message
    note: Message
    y: tuple[str, ...] = ("test_accuracy",)
    x: str = ""
    log_x: bool = False
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether the claim holds, and what was seen, in two sentences with numbers."""

    holds: bool
    seen: tuple[Message, Message]


@dataclass(frozen=True)
class Experiment:
    """A comparison that settles a claim.

    Each variant's recipe is the course's for its architecture with the changes of ``base``, of the setting
    (``quick`` or ``full``) and of the variant, the later ones going before the earlier ones. ``judge`` gets an
    outcome for every variant of the setting. ``compared`` are the two variants of the full setting whose test accuracies
    a person may predict before the results are shown. ``picture`` names a picture of the data that the page shows, and
    ``order`` the place among the experiments.
    """

    key: str
    title: Message
    claim: Message
    variants: Sequence[Variant]
    panels: Sequence[Panel]
    judge: Callable[[Outcomes], Verdict]
    compared: tuple[str, str]
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    picture: str | None = None
    order: int = 100

    def of(self, setting: Setting) -> tuple[Variant, ...]:
        """The variants that a setting compares."""
        return tuple(variant for variant in self.variants if setting == "full" or not variant.full_only)

    def recipe(self, variant: Variant, setting: Setting) -> Recipe:
        """The variant's recipe in a setting. ``smallest`` is the quick one cut down to seconds, for tests."""
        changes: dict[str, Any] = {}
        for part in (self.base, self.full if setting == "full" else self.quick, variant.recipe):
            options = {**changes.get("options", {}), **part.get("options", {})}
            changes = {**changes, **part, **({"options": options} if options else {})}
        recipe = Recipe.default(changes.pop("architecture"), **changes)
        return recipe if setting != "smallest" else _smallest(recipe)

    def recipes(self, setting: Setting) -> dict[str, Recipe]:
        """The valid recipes of a setting by the keys of their variants, those that the lab refuses left out.

        Raises:
            UsageError: a recipe is not valid, or is although it should not be.
        """
        found = {variant.key: self.recipe(variant, setting) for variant in self.of(setting)}
        for variant in self.of(setting):
            if not variant.refused:
                found[variant.key].validate()
            elif self.refusal(variant, setting) is not None:
                del found[variant.key]
        return found

    def refusal(self, variant: Variant, setting: Setting) -> Message | None:
        """Why the lab refuses the variant; None where it does not."""
        try:
            self.recipe(variant, setting).validate()
        except UsageError as error:
            return error.message
        return None


def _smallest(recipe: Recipe) -> Recipe:
    info = datasets.get("mnist-sample")
    return dataclasses.replace(
        recipe,
        dataset=info.key,
        train_images=min(recipe.train_images or _SMALLEST_IMAGES, _SMALLEST_IMAGES),
        batch_size=min(recipe.batch_size, _SMALLEST_BATCH),
        epochs=1,
    )
