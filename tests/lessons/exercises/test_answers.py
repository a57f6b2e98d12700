"""Every form in which the right answer can be written is right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.lessons.exercises.answers import read_decimal, read_length, read_number, read_sizes


@pytest.mark.parametrize(
    "text",
    [
        "1408", " 1408 ", "1,408", "1 408", "1'408", "1408.0", "1408 features", "88x4x4", "88 x 4 x 4", "88*4*4",
        "88 × 4 × 4 = 1408", "(88, 4, 4)", "１４０８", "８８×４×４", "= 1408",
    ],
)  # fmt: skip
def test_a_number(text: str) -> None:
    assert read_number(text) == 1408


@pytest.mark.parametrize(
    "text",
    [
        "88x4x4", "88 x 4 x 4", "88X4X4", "88×4×4", "88*4*4", "(88, 4, 4)", "[88,4,4]", "88 4 4", "88, 4, 4",
        "torch.Size([88, 4, 4])", "(N, 88, 4, 4)", "[-1, 88, 4, 4]", "（88，4，4）", "88、4、4",
    ],
)  # fmt: skip
def test_a_shape(text: str) -> None:
    assert read_sizes(text) == (88, 4, 4)


@pytest.mark.parametrize("text", ["-12", "- 12", "−12", "－12", "3 - 15 = -12"])
def test_a_number_below_zero(text: str) -> None:
    assert read_number(text) == -12


@pytest.mark.parametrize(
    "text",
    ["0.42", ".42", "0.420", "0,42", ",42", "+0.42", " 0.42 ", "4.2e-1", "０．４２", "0，42", "w = 0.42", "0.5 - 0.1 x 0.8 = 0.42"],
)  # fmt: skip
def test_a_number_with_decimals(text: str) -> None:
    assert read_decimal(text) == Decimal("0.42")


@pytest.mark.parametrize(
    ("text", "number"), [("-.5", "-0.5"), ("− 0,05", "-0.05"), ("3", "3"), ("3.", "3"), ("1,234.5", "1234.5")]
)
def test_other_numbers_with_decimals(text: str, number: str) -> None:
    assert read_decimal(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "x", "0.4.2", "nan", "inf", "1e999", ".", "0.42 or 0.5", "--1", "9" * 50]
)
def test_what_is_no_number_with_decimals(text: str) -> None:
    assert read_decimal(text) is None


def test_the_length_of_a_vector_may_have_a_comma() -> None:
    assert read_length("1,408") == read_length("1408") == read_length("(1408,)") == (1408,)
    assert read_length("88, 4, 4") == (88, 4, 4)


@pytest.mark.parametrize(
    "text", ["", "conv1", "14.5", "--3", "- x", "1e5", "x", "88 x", "8 or 9", "9" * 500, "=", "٣"]
)
def test_what_is_no_whole_number(text: str) -> None:
    assert read_number(text) in (None, 88, 3)  # "88 x" lists one size, and a digit is one in any script


@given(st.text(max_size=40))
def test_any_text_is_read_or_is_nothing(text: str) -> None:
    assert read_number(text) is None or text
    assert read_sizes(text) is None or text


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.sampled_from(["x", " x ", ", ", "*", " "]))
def test_a_list_of_sizes_is_read_as_it_is_written(sizes: list[int], between: str) -> None:
    assert read_sizes(between.join(map(str, sizes))) == tuple(sizes)
