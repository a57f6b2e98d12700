"""What a private copy of a model asks of objects and classes that know themselves how they are copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from torch import nn


class CopiesItself:
    """An object that shares with its copy what cannot change."""

    def copied(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
        """The copy: ``copied`` copies what it refers to; ``memo`` has the copies by id, and gets this one first."""
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class OfCopiedClass(nn.Module):
    """A module whose class holds what its forward pass may change."""

    @classmethod
    def copied_class(cls, copied: Callable[[Any], Any]) -> type[nn.Module]:
        """The class of a copy of such a module; ``copied`` copies what the class refers to."""
        raise NotImplementedError
