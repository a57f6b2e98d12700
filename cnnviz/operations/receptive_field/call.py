"""What a rule is told of an op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cnnviz.operations.op import Op, Shape
from cnnviz.operations.receptive_field.reach import Reach


@dataclass(frozen=True)
class Call:
    """An op, the reaches of what it was given, and the whole shape of its output number ``part``."""

    op: Op
    sources: tuple[Reach, ...]
    shape: Shape
    part: int = 0

    @property
    def first(self) -> Reach:
        """What it was given first."""
        return self.sources[0]

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The op's arguments, of which a rule checks what it needs."""
        return cast(Mapping[str, Any], self.op.arguments)

    @property
    def function(self) -> str:
        """The op's type in small letters without underscores: the same for a layer and its function."""
        return self.op.type.lower().replace("_", "")

    def number(self, name: str, default: int | None = None) -> int:
        """An argument that is a whole number.

        Raises:
            ValueError: it is none.
        """
        value = self.arguments.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} is {value!r}")
        return value

    def numbers(self, name: str, count: int) -> tuple[int, ...]:
        """An argument that is one whole number, or one for each of ``count`` dimensions.

        Raises:
            ValueError: it is something else.
        """
        value = self.arguments.get(name)
        found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
        if len(found) != count or not all(isinstance(entry, int) for entry in found):
            raise ValueError(f"{name} is {value!r}")
        return cast(tuple[int, ...], found)


class UnknownError(ValueError):
    """A rule does not know what this very op does with places."""


def listed(value: object) -> Sequence[int]:
    """One whole number, or several, as a list.

    Raises:
        ValueError: it is something else.
    """
    found = [value] if isinstance(value, int) else value
    if not isinstance(found, (tuple, list)) or not all(isinstance(entry, int) for entry in found):
        raise ValueError(f"{value!r} are no whole numbers")
    return found
