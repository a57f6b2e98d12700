"""What a training run tells while it runs. Importing this imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.recipe.recipe import Recipe
    from cnnviz.training.records.metrics import RateChange


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch, counted from 1.

    The train figures are running averages over the epoch, made while the weights change; the test figures
    are those of the weights at its end. Accuracies are 0..1. ``seconds`` and ``images_per_second`` are of
    the training pass alone.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float
    images_per_second: float


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a run leaves: ``model`` in eval mode on the CPU, and figures that belong to exactly its weights.

    ``epochs`` holds the completed epochs. Where ``stopped`` is true the run was asked to end early;
    ``test_accuracy`` (0..1) and ``test_loss`` are then measured after the last step all the same.
    ``recipe`` names the device that was really used; ``rate_changes`` are where people changed its learning
    rate on the way.
    """

    model: nn.Module
    recipe: Recipe
    epochs: tuple[EpochMetrics, ...]
    steps: int
    test_accuracy: float
    test_loss: float
    stopped: bool
    rate_changes: tuple[RateChange, ...] = ()


class Observer(Protocol):
    """Whoever watches a run. The calls come from the training thread and hold it up."""

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """Training is about to begin with ``model``'s initial weights."""

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """A batch is done. Must cost microseconds.

        ``step`` counts from 1 over the whole run, ``epoch`` from 1; ``loss`` and ``accuracy`` (0..1) are
        the batch's, before its weights were updated; ``seconds`` is the time spent in training passes.
        """

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """An epoch and its test pass are done; ``model`` may be read, and must not be changed."""
