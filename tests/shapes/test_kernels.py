"""Kernels with numbers that can be read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from torch.nn import functional as F

from cnnviz.errors import UsageError
from cnnviz.shapes.kernels import PRESETS, parse, preset, written

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

IMAGE = torch.arange(49, dtype=torch.float64).reshape(1, 1, 7, 7) % 10


def applied(name: str, size: int) -> torch.Tensor:
    return F.conv2d(IMAGE, torch.from_numpy(preset(name, size).copy())[None, None], padding="same")


@pytest.mark.parametrize("size", range(1, 6))
def test_identity_gives_back_the_image(size: int) -> None:
    assert_array_equal(applied("identity", size), IMAGE)


def test_the_well_known_kernels() -> None:
    assert written(preset("vertical-edges", 3)) == "-1 0 1 / -1 0 1 / -1 0 1"
    assert_array_equal(preset("horizontal-edges", 3), preset("vertical-edges", 3).T)
    assert written(preset("sharpen", 3)) == "0 -1 0 / -1 5 -1 / 0 -1 0"
    assert_array_equal(preset("blur", 2), [[0.25, 0.25], [0.25, 0.25]])


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [3, 4, 7, 11])
def test_edges_add_up_to_nothing_and_the_others_to_one(name: str, size: int) -> None:
    kernel = preset(name, size)
    assert kernel.shape == (size, size)
    assert kernel.sum() == pytest.approx(0 if name.endswith("edges") else 1)


def test_a_kernel_that_is_too_small_is_explained() -> None:
    with pytest.raises(UsageError, match=r"Vertical edges.*at least 2 x 2"):
        preset("vertical-edges", 1)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.integers(-99, 99), min_size=n * n, max_size=n * n)))
def test_what_is_written_can_be_read(weights: list[int]) -> None:
    size = int(len(weights) ** 0.5)
    kernel = np.array(weights, dtype=float).reshape(size, size)
    assert_array_equal(parse(written(kernel), size), kernel)


@pytest.mark.parametrize("text", ["1,0/0,-1.5", " 1 0 / 0 -1.5 /", "1, 0 /0 ,-1.5"])
def test_commas_and_spaces_both_do(text: str) -> None:
    assert_array_equal(parse(text, 2), [[1, 0], [0, -1.5]])


@pytest.mark.parametrize("text", ["", "/", "1 2", "1 2 / 3", "1 2 / 3 4 / 5 6", "1 2 3 / 4 5 6"])
def test_another_number_of_weights_is_explained(text: str) -> None:
    with pytest.raises(UsageError, match=r"2 rows of 2 numbers.*such as 1 0 / 0 0"):
        parse(text, 2)


@pytest.mark.parametrize("weight", ["x", "nan", "inf", "1e999", "1000", "-1000"])
def test_what_is_no_weight_is_explained(weight: str) -> None:
    with pytest.raises(UsageError, match=f"weight must be a number from -999 to 999; got '{weight}'"):
        parse(f"1 {weight} / 0 0", 2)
