"""What one training of an experiment gave, as plain numbers. Imports no torch."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cnnviz.language import Message
from cnnviz.training.loop.observer import EpochMetrics
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
