from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cnnviz.operations.window_arithmetic import same_padding, span
from cnnviz.shapes.sliding_window import Window


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
@given(st.integers(1, 9), st.integers(1, 4))
@settings(deadline=None)
def test_same_padding_is_pytorchs(kernel: int, dilation: int) -> None:
    x, weight = torch.rand(1, 1, 12), torch.rand(1, 1, kernel)
    padded = F.pad(x, same_padding(kernel, dilation))
    expected = F.conv1d(x, weight, padding="same", dilation=dilation)
    assert torch.allclose(F.conv1d(padded, weight, dilation=dilation), expected, atol=1e-5)
    assert Window(kernel, padding="same", dilation=dilation).pads == same_padding(kernel, dilation)


@pytest.mark.parametrize(("kernel", "dilation", "reached"), [(1, 5, 1), (3, 1, 3), (3, 2, 5), (2, 4, 5)])
def test_a_dilation_leaves_gaps(kernel: int, dilation: int, reached: int) -> None:
    assert span(kernel, dilation) == reached
