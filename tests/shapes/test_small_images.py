"""Small images whose pixels can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from cnnviz.shapes.small_images import NAMES, Digits, resample, sample_digits, small_image

SIZES = [(1, 1), (1, 5), (4, 4), (10, 7), (28, 28), (40, 33)]


@pytest.fixture(scope="module")
def digits() -> Digits:
    return sample_digits()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_image_has_its_size_and_pixels_from_0_to_9(name: str, colour: bool, digits: Digits) -> None:
    for size in SIZES:
        image = small_image(name, size, colour, digits)
        assert image.shape == (3 if colour else 1, *size)
        assert image.dtype == np.uint8
        assert image.max() <= 9
    assert small_image(name, (10, 10), colour, digits).max() == 9


@pytest.mark.parametrize("name", [name for name in NAMES if name != "point"])
def test_channels_of_a_colour_image_differ(name: str, digits: Digits) -> None:
    red, green, blue = small_image(name, (10, 10), True, digits)
    assert (red != green).any()
    assert (green != blue).any()


def test_a_digit_is_a_real_one(digits: Digits) -> None:
    image = small_image("digit-7", (28, 28), False, digits)[0]
    assert_array_equal(image, np.rint(digits[7] / digits[7].max() * 9))
    assert len({digit.tobytes() for digit in digits}) == 10


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30))
def test_resampling_keeps_the_mean_and_the_place(height: int, width: int, rows: int, columns: int) -> None:
    image = np.random.default_rng(height * 100 + width).random((height, width))
    assert_allclose(resample(image, (rows, columns)).mean(), image.mean())
    assert_allclose(resample(image, (height, width)), image)
    assert_allclose(resample(image, (height * 2, width * 3)), image.repeat(2, axis=0).repeat(3, axis=1))
