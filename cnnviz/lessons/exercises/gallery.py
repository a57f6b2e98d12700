"""The real figures that questions show: loss curves, filters and confusion matrices. Imports no torch.

:mod:`cnnviz.lessons.exercises.collecting` made them, from what is included with cnnviz.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "gallery.json"


@dataclass(frozen=True)
class Curves:
    """Losses from the start to the end of a training, evenly spaced; ``test`` is empty where only ``train`` is shown."""

    train: tuple[float, ...]
    test: tuple[float, ...]


@dataclass(frozen=True)
class Filters:
    """``shape``: (N, h, w); ``values`` from -99 to 99, filter by filter and row by row."""

    shape: tuple[int, int, int]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Matrix:
    """Counts of images: a row for each label, a column for each class that was named."""

    rows: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """All images."""
        return sum(map(sum, self.rows))

    @property
    def right(self) -> int:
        """Images whose class was named."""
        return sum(row[place] for place, row in enumerate(self.rows))


Figure = Curves | Filters | Matrix


def curves(key: str) -> Curves:
    """The loss curves called ``key``."""
    found = _all()["curves"][key]
    return Curves(tuple(found["train"]), tuple(found.get("test", ())))


def filters(key: str) -> Filters:
    """The filters called ``key``."""
    found = _all()["filters"][key]
    number, height, width = found["shape"]
    return Filters((number, height, width), tuple(found["values"]))


def matrix(key: str) -> Matrix:
    """The confusion matrix called ``key``."""
    return Matrix(tuple(map(tuple, _all()["matrices"][key])))


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return found
