"""Where people have changed the learning rate of a run while it trained. Importing this imports no torch.

They are part of the run's saved states and of its checkpoint; ``rates.json`` in its folder tells pages of them
while it trains.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnviz.errors import CnnvizError
from cnnviz.files import write_json
from cnnviz.language import Message

FILE_NAME = "rates.json"


@dataclass(frozen=True)
class RateChange:
    """After ``step`` steps somebody set the learning rate to ``learning_rate``."""

    step: int
    learning_rate: float


def write(folder: Path, changes: Sequence[RateChange]) -> None:
    """Note all ``changes`` of the run whose folder this is, in place of what was noted before.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / FILE_NAME
    if changes or path.exists():
        write_json(path, [dataclasses.asdict(change) for change in changes])


def read(folder: Path) -> tuple[RateChange, ...]:
    """The changes of the run whose folder this is, in order; () where there are none.

    Raises:
        CnnvizError: they cannot be read.
    """
    path = folder / FILE_NAME
    try:
        return tuple(RateChange(**change) for change in json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as problem:
        raise CnnvizError(
            Message("The metrics in {path} cannot be read: {problem}.", path=path, problem=problem)
        ) from problem
