"""Which images of a batch are whose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """That of the process ``number``, from 0, where ``count`` processes share each batch."""

    number: int = 0
    count: int = 1

    def of(self, size: int) -> slice:
        """Which of a batch's ``size`` images are this process's; parts differ by one image at most, and may be empty."""
        return slice(self.number * size // self.count, (self.number + 1) * size // self.count)


WHOLE = Part()
"""What a process has that trains alone."""
