"""Numbers are written with the digits that rounding leaves equal."""

from __future__ import annotations

import pytest

from cnnviz.ui.inside.digits import Digits


@pytest.mark.parametrize(
    ("numbers", "size", "texts"),
    [
        ((0.12345678, 0.12345671), 0.5, ["0.123457", "0.123457"]),
        ((0.12345678, 0.12345321), 0.5, ["0.1235", "0.1235"]),
        ((-2.9385631, -2.9385629), 4.0, ["−2.93856", "−2.93856"]),
        ((1.74598e-6, 1.745981e-6), 3e-6, ["1.74598e-6", "1.74598e-6"]),
        ((1e-9, -1e-9), 1.0, ["0.00000", "0.00000"]),  # what is left of a sum of large terms
        ((1234567.0, 1234567.0), 2e6, ["1.23457e6", "1.23457e6"]),
        ((0.0, 0.0), 0.0, ["0.000000", "0.000000"]),
        ((0.0, 0.0), 3e-46, ["0", "0"]),
        ((float("nan"), 1.0), 1.0, ["nan", "1.0"]),
    ],
)
def test_both_are_written_alike(numbers: tuple[float, float], size: float, texts: list[str]) -> None:
    digits = Digits.in_which_equal(numbers, size)
    assert [digits.text(number) for number in numbers] == texts


def test_numbers_that_differ_stay_different() -> None:
    digits = Digits.in_which_equal((0.5, 0.7), 1.0)
    assert digits.text(0.5) != digits.text(0.7)
