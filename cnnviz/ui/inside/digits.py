"""Two numbers that should be equal but for rounding, written with the digits in which they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DIGITS = 6
_SMALLEST, _LARGEST = 1e-4, 1e6
"""Between them numbers are written without a power of ten."""


@dataclass(frozen=True)
class Digits:
    """How numbers of one size are written: ``decimals`` behind the point, times ten to the ``power``."""

    decimals: int
    power: int = 0

    def text(self, number: float) -> str:
        """``number`` as people write it: ``−0.1234``, ``5.21e-07``."""
        if not math.isfinite(number):
            return str(number)
        if number == 0 and self.power:
            return "0"
        digits = f"{number / 10**self.power:.{self.decimals}f}"
        sign = "−" if digits.startswith("-") and float(digits) != 0 else ""
        return sign + digits.lstrip("-") + (f"e{self.power}" if self.power else "")

    @classmethod
    def of(cls, size: float, digits: int = _DIGITS) -> Digits:
        """As many ``digits`` as a sum of terms has, whose absolute values add up to ``size``."""
        if not math.isfinite(size) or size <= 0:
            return cls(digits)
        power = math.floor(math.log10(size))
        if _SMALLEST <= size < _LARGEST:
            return cls(max(0, digits - 1 - power))
        return cls(digits - 1, power)

    @classmethod
    def in_which_equal(cls, numbers: Sequence[float], size: float) -> Digits:
        """As :meth:`of`, without the last digits where rounding makes ``numbers`` differ; at least two."""
        found = [cls.of(size, digits) for digits in range(_DIGITS, 1, -1)]
        return next((one for one in found if len({one.text(number) for number in numbers}) == 1), found[-1])
