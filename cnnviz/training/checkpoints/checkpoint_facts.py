"""What is known about one set of trained weights: the facts in the JSON beside them, and their checks."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics, RateChange

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(
        ("id", "architecture", "dataset", "dataset_digest", "sha256", "created_at", "run_id"), str
    ),
    **dict.fromkeys(("options", "versions", "recipe"), dict),
    "stopped": bool,
    **dict.fromkeys(("epochs", "rate_changes"), list),
    "origin": (str, NoneType),
}
_ADDED: Mapping[str, object] = MappingProxyType({"rate_changes": [], "origin": None})
"""What the facts of earlier versions, which lack these, meant by their silence."""


class CheckpointError(CnnvizError):
    """A checkpoint cannot be trusted or does not fit; the others go on working."""

    def __init__(self, checkpoint_id: str, reason: Message) -> None:
        super().__init__(
            Message("Checkpoint {id} cannot be used: {reason}.", id=checkpoint_id, reason=reason)
        )
        self.id = checkpoint_id


@dataclass(frozen=True)
class Checkpoint:
    """The facts about one set of weights.

    ``test_accuracy`` (0..1) and ``test_loss`` belong to exactly these weights, on the test images of
    ``dataset``; ``best_test_accuracy`` is that of the best epoch on the way. ``rate_changes`` are where people
    changed the learning rate while it trained; ``origin`` is the run from one of whose snapshots the training
    went on: with either, the recipe does not say all that was done. ``dataset_digest`` and
    ``sha256`` are hex: of the data, and of the bytes of the safetensors file at ``weights``.
    ``created_at`` is ISO 8601 in UTC.
    """

    id: str
    architecture: str
    options: Mapping[str, object]
    dataset: str
    recipe: Recipe
    test_accuracy: float
    test_loss: float
    best_test_accuracy: float
    stopped: bool
    epochs: tuple[EpochMetrics, ...]
    rate_changes: tuple[RateChange, ...]
    origin: str | None
    dataset_digest: str
    versions: Mapping[str, str]
    sha256: str
    created_at: str
    run_id: str
    weights: Path = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.id, self.sha256))

    def read_weights(self) -> bytes:
        """The bytes of the safetensors file, if their SHA-256 is :attr:`sha256`.

        Raises:
            CheckpointError: the file is missing, or another one.
        """
        try:
            data = self.weights.read_bytes()
        except OSError as error:
            reason = Message("{path} cannot be read ({error})", path=self.weights.name, error=error.strerror)
            raise CheckpointError(self.id, reason) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            reason = Message(
                "the SHA-256 of {path} is {found}..., but its JSON file says {expected}...; get both "
                "files again",
                path=self.weights.name,
                found=found[:12],
                expected=self.sha256[:12],
            )
            raise CheckpointError(self.id, reason)
        return data

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values, as they stand in the file."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        del values["weights"]
        return {
            **values,
            "options": dict(self.options),
            "versions": dict(self.versions),
            "recipe": self.recipe.to_dict(),
            "epochs": [dataclasses.asdict(epoch) for epoch in self.epochs],
            "rate_changes": [dataclasses.asdict(change) for change in self.rate_changes],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], weights: Path) -> Checkpoint:
        """The facts that :meth:`to_dict` wrote, of the safetensors file ``weights``.

        Raises:
            TypeError, KeyError, ValueError, UsageError: something is missing, unknown, of another kind,
                out of its range, or contradicts the recipe.
        """
        values = {**_ADDED, **values}
        for name, kind in _KINDS.items():
            if not isinstance(values[name], kind):
                raise TypeError(f"{name} is {values[name]!r}")
        _check_figures({name: values[name] for name in ("test_accuracy", "test_loss", "best_test_accuracy")})
        for figures in (*values["epochs"], *values["rate_changes"]):
            _check_figures(figures)
        recipe = Recipe.from_dict(values["recipe"])
        recipe.validate()
        for name in ("architecture", "dataset", "options"):
            if values[name] != getattr(recipe, name):
                raise ValueError(f"{name} is {values[name]!r}, and {getattr(recipe, name)!r} in the recipe")
        epochs = tuple(EpochMetrics(**epoch) for epoch in values["epochs"])
        changes = tuple(RateChange(**change) for change in values["rate_changes"])
        return cls(
            **{**values, "recipe": recipe, "epochs": epochs, "rate_changes": changes, "weights": weights}
        )


def _check_figures(figures: Mapping[str, Any]) -> None:
    """Check that all are numbers from 0, accuracies up to 1."""
    for name, value in figures.items():
        high = 1 if name.endswith("accuracy") else math.inf
        if isinstance(value, bool) or not (0 <= value <= high and value < math.inf):
            raise ValueError(f"{name} is {value!r}")
