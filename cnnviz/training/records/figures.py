"""What a run tells beside its curves: the figures of its epochs, and where its learning rate was changed by hand.

Its saved states, its checkpoint and the store keep them. Importing this imports no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnviz import seals
from cnnviz.errors import CnnvizError
from cnnviz.files import write_whole
from cnnviz.language import Message

RATES_FILE = "rates.json"


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


@dataclass(frozen=True)
class RateChange:
    """After ``step`` steps somebody set the learning rate to ``learning_rate``."""

    step: int
    learning_rate: float


def write_rate_changes(folder: Path, changes: Sequence[RateChange]) -> None:
    """Note all ``changes`` of the run whose folder this is, in place of what was noted before.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / RATES_FILE
    if changes or path.exists():
        content = {"changes": [dataclasses.asdict(change) for change in changes]}
        write_whole(path, seals.sealed_json(content))


def read_rate_changes(path: Path) -> tuple[RateChange, ...]:
    """The changes that :func:`write_rate_changes` noted in the file at ``path``, in order; () where there is none.

    Raises:
        CnnvizError: they cannot be read.
    """
    try:
        content = seals.read_json(path.read_bytes())
        if not isinstance(content, list):  # as earlier versions wrote them, without a seal
            (content,) = content.values()
        return tuple(RateChange(**change) for change in content)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, AttributeError, seals.SealError) as problem:
        raise CnnvizError(
            Message("Cannot read the metrics in {path}: {problem}.", path=path, problem=problem)
        ) from problem
