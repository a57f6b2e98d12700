"""What a 1x1 convolution saves, against the trace of the real layers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnviz.shapes.counting import macs_formula, parameter_formula, saving
from cnnviz.tracing.trace import trace

CHANNELS = st.integers(1, 40)


def test_the_example_of_the_course() -> None:
    found = saving(192, (28, 28), 5, 32, 16)
    assert found.direct.macs == 120_422_400
    assert (found.reduce.macs, found.after.macs) == (2_408_448, 10_035_200)
    assert found.macs == 12_443_648
    assert found.ratio == pytest.approx(9.677, abs=1e-3)
    assert macs_formula(found.direct) == "5 x 5 x 192 x 32 x 28 x 28 = 120,422,400"
    assert parameter_formula(found.reduce) == "(1 x 1 x 192 + 1) x 16 = 3,088"


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch warns once, of even kernels
@settings(max_examples=30)
@given(CHANNELS, st.integers(1, 9), st.integers(1, 5), CHANNELS, CHANNELS)
def test_counts_are_those_of_the_real_layers(
    channels: int, size: int, kernel: int, maps: int, reduced: int
) -> None:
    found = saving(channels, (size, size + 1), kernel, maps, reduced)
    direct = nn.Conv2d(channels, maps, kernel, padding="same", device="meta")
    detour = nn.Sequential(
        nn.Conv2d(channels, reduced, 1, device="meta"),
        nn.Conv2d(reduced, maps, kernel, padding="same", device="meta"),
    )
    shape = (channels, size, size + 1)
    traced = trace(direct, shape)
    assert (found.direct.macs, found.direct.params) == (traced.macs, traced.total_params)
    traced = trace(detour, shape)
    assert (found.macs, found.params) == (traced.macs, traced.total_params)


@given(CHANNELS, st.integers(1, 5), CHANNELS)
def test_from_break_even_on_nothing_is_saved(channels: int, kernel: int, maps: int) -> None:
    least = saving(channels, (3, 3), kernel, maps, 1).break_even
    assert saving(channels, (3, 3), kernel, maps, least).ratio <= 1
    if least > 1:
        assert saving(channels, (3, 3), kernel, maps, least - 1).ratio > 1
