"""What an experiment is: a claim, the recipes that test it, a figure, and how it is judged. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.experiments.outcome import Outcome
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe

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

    ``y`` are properties of :class:`cnnviz.experiments.outcome.Outcome`. ``variants`` are the keys of those that
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
    outcome for every variant of the setting. ``picture`` names a picture of the data that the page shows, and
    ``order`` the place among the experiments.
    """

    key: str
    title: Message
    claim: Message
    variants: Sequence[Variant]
    panels: Sequence[Panel]
    judge: Callable[[Outcomes], Verdict]
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
