from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.interpret.attribution import Question, centres, grad_cam, placed
from cnnviz.shapes.receptive_field import ReceptiveField, receptive_fields
from cnnviz.tracing.trace import trace

SIDE = 28


class Middle(nn.Module):
    """A convolution whose kernels look at nothing but their middle, and the sum of all that it finds."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, kernel, stride, padding, bias=False)
        self.fc = nn.LazyLinear(1, bias=False)
        self(torch.zeros(1, 1, SIDE, SIDE))
        with torch.no_grad():
            self.conv.weight.zero_()[0, 0, kernel // 2, kernel // 2] = 1
            self.fc.weight.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(self.conv(x).flatten(1))
        return scores


def field_of(model: nn.Module, name: str, shape: tuple[int, ...] = (1, SIDE, SIDE)) -> ReceptiveField:
    traced = trace(model.eval(), shape)
    return receptive_fields(traced)[traced.op(name).index]


@given(
    kernel=st.sampled_from((1, 3, 5, 7)),
    stride=st.integers(1, 4),
    padded=st.booleans(),
    row=st.integers(0, 27),
    column=st.integers(0, 27),
)
def test_the_heat_of_a_single_place_lies_on_what_excites_it(
    kernel: int, stride: int, padded: bool, row: int, column: int
) -> None:
    padding = kernel // 2 if padded else 0
    model = Middle(kernel, stride, padding).eval().requires_grad_(False)
    count = (SIDE + 2 * padding - kernel) // stride + 1
    bright = tuple(place % count * stride + kernel // 2 - padding for place in (row, column))
    x = torch.zeros(1, 1, SIDE, SIDE)
    x[0, 0, bright[0], bright[1]] = 1
    traced = trace(model, (1, SIDE, SIDE))
    found = grad_cam(Question(model, traced, x, torch.zeros_like(x), 0), traced.op("conv"))
    assert found.placed
    assert np.unravel_index(found.values.argmax(), found.values.shape) == bright
    assert np.count_nonzero(found.values == found.values.max()) == 1


def test_every_place_of_the_small_network_peaks_at_its_receptive_field_s_centre() -> None:
    field = field_of(architectures.get("basic-cnn").build(), "conv2")
    found = centres(field, (8, 8))
    assert found is not None
    assert found[0].tolist() == found[1].tolist() == [6.5 + 2 * place for place in range(8)]
    pixels = np.arange(SIDE)
    for row, column in ((0, 0), (0, 7), (3, 5), (7, 7)):
        alone = np.zeros((8, 8), np.float32)
        alone[row, column] = 1
        heat = placed(alone, field, (SIDE, SIDE))
        assert heat is not None
        assert (heat.sum(1) @ pixels) / heat.sum() == pytest.approx(6.5 + 2 * row)
        assert (heat.sum(0) @ pixels) / heat.sum() == pytest.approx(6.5 + 2 * column)


def test_between_places_the_heat_is_linear() -> None:
    field = field_of(nn.Sequential(nn.Conv2d(1, 1, 1, stride=4)), "0", (1, 9, 5))
    heat = placed(np.array([[0, 0], [4, 8], [0, 0]], np.float32), field, (9, 5))
    assert heat is not None
    assert heat[4].tolist() == [4, 5, 6, 7, 8]
    assert heat[:, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0]


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x.transpose(2, 3), 2)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Turned(), "avg_pool2d"),  # rows are columns
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(7)), "1"),  # patches of different sizes
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=4)), "1"),  # all see everything
    ],
)
def test_places_without_a_place_in_the_image_have_no_centres(model: nn.Module, name: str) -> None:
    field = field_of(model, name)
    rows, columns = field.grid if len(field.grid) == 2 else (4, 4)
    assert placed(np.ones((rows, columns), np.float32), field, (SIDE, SIDE)) is None


def test_a_map_whose_places_are_nowhere_is_stretched_and_says_so() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(98, 3)).eval()
    traced = trace(model, (1, SIDE, SIDE))
    x = torch.rand(1, 1, SIDE, SIDE)
    found = grad_cam(Question(model, traced, x, torch.zeros_like(x), 0), traced.op("1"))
    assert not found.placed
    assert found.grid is not None
    expected = F.interpolate(torch.from_numpy(found.grid)[None, None], (SIDE, SIDE), mode="bilinear")
    assert np.allclose(found.values, expected[0, 0].numpy())
