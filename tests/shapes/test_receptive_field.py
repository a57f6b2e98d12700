"""Receptive fields, checked against the gradient: where it is not zero, the output depends on the input."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnviz.architectures import Architecture
from cnnviz.shapes.receptive_field import ReceptiveField, receptive_fields
from cnnviz.shapes.trace import trace
from tests.networks import MINI, each


def positive(model: nn.Module) -> nn.Module:
    """Weights of which no product or sum is zero, so that every dependence shows in the gradient."""
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.01)
    return model.double().eval()


def touched(output: Tensor, x: Tensor, row: int, column: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the pixels on which the value at ``row``, ``column`` depends."""
    (gradient,) = torch.autograd.grad(output[0, :, row, column].sum(), x, retain_graph=True)
    rows, columns = torch.nonzero(gradient[0].abs().sum(0), as_tuple=True)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def clipped(field: ReceptiveField, row: int, column: int, side: int) -> tuple[int, int, int, int]:
    top, left, height, width = field.patch(row, column)
    return max(top, 0), max(left, 0), min(top + height, side), min(left + width, side)


@given(
    layers=st.lists(
        st.tuples(
            st.sampled_from(["conv", "pool"]),
            st.integers(1, 4),
            st.integers(1, 2),
            st.integers(0, 2),
            st.integers(1, 2),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_chains_of_windows(layers: list[tuple[str, int, int, int, int]]) -> None:
    side = 40
    model = nn.Sequential(
        *(
            nn.Conv2d(1, 1, kernel, stride, padding, dilation)
            if kind == "conv"
            else nn.AvgPool2d(kernel, stride, min(padding, kernel // 2))
            for kind, kernel, stride, padding, dilation in layers
        )
    )
    traced = trace(model, (1, side, side))
    if traced.failure:
        return
    field = receptive_fields(traced)[-1]
    x = torch.ones(1, 1, side, side, dtype=torch.double, requires_grad=True)
    output = positive(model)(x)
    row, column = output.shape[2] // 2, output.shape[3] // 2  # at the border padding hides a part
    expected = clipped(field, row, column, side)
    found = touched(output, x, row, column)
    assert found[0] >= expected[0]
    assert found[2] <= expected[2]
    dense = all(dilation == 1 or kind == "pool" for kind, *_, dilation in layers)
    if dense and expected == field_of(field, row, column):
        assert found == expected


def field_of(field: ReceptiveField, row: int, column: int) -> tuple[int, int, int, int]:
    top, left, height, width = field.patch(row, column)
    return top, left, top + height, left + width


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, stride=2)
        self.small = nn.Conv2d(2, 2, 1)
        self.large = nn.Conv2d(2, 2, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.cat([self.small(x), self.large(x)], dim=1) + torch.cat([x, x], dim=1)


def test_branches_see_what_the_widest_of_them_sees() -> None:
    traced = trace(Branches(), (1, 31, 31))
    field = receptive_fields(traced)[-1]
    assert (field.size, field.jump, field.start, field.aligned) == ((11, 11), (2, 2), (-4, -4), True)
    x = torch.ones(1, 1, 31, 31, dtype=torch.double, requires_grad=True)
    output = positive(Branches())(x)
    assert touched(output, x, 6, 6) == clipped(field, 6, 6, 31)


@each(MINI)
def test_the_last_linear_sees_the_whole_image(architecture: Architecture) -> None:
    traced = trace(architecture.build(), architecture.input_shape)
    fields = receptive_fields(traced)
    assert len(fields) == len(traced.ops)
    last = fields[-1]
    assert last.whole
    assert all(start <= 0 for start in last.start)
    sides = architecture.input_shape[1:]
    assert all(start + size >= side for start, size, side in zip(last.start, last.size, sides, strict=True))
    first = next(field for field, op in zip(fields, traced.ops, strict=True) if op.kind == "convolution")
    assert first.size == (5, 5)


def test_padding_layers_move_the_start() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.ZeroPad2d((2, 0, 1, 3)), nn.Conv2d(1, 1, 3))
    field = receptive_fields(trace(model, (1, 31, 31)))[-1]
    assert (field.size, field.jump, field.start) == ((7, 7), (2, 2), (-2, -4))
    x = torch.ones(1, 1, 31, 31, dtype=torch.double, requires_grad=True)
    output = positive(model)(x)
    assert touched(output, x, 6, 6) == clipped(field, 6, 6, 31)


class Pooled(nn.Module):
    """A shortcut of 2 x 2 windows beside 3 x 3 windows with padding: half a pixel apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.max_pool2d(x, 2) + self.conv(x)


def test_branches_of_one_stride_need_not_share_a_centre() -> None:
    assert not receptive_fields(trace(Pooled(), (1, 8, 8)))[-1].aligned
    assert receptive_fields(trace(Branches(), (1, 31, 31)))[-1].aligned
