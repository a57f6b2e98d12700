"""Views that only cut memory anew: a warning with the permute that was meant, and silence about those that are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.shapes.warnings import NetworkWarning, warnings
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls

Forward = Callable[[Any, Tensor], Any]
_OURS = ("reread-memory", "view-of-one-channel", "batch-as-channels")


def told(forward: Forward, shape: tuple[int, ...], *layers: nn.Module) -> list[NetworkWarning]:
    traced = trace(Calls(forward, *layers), shape)
    assert traced.failure is None, traced.failure.message
    return [warning for warning in warnings(traced) if warning.code in _OURS]


@pytest.mark.parametrize(
    ("forward", "shape", "permute"),
    [
        (lambda net, x: x.view(x.size(0), 3, 12, 12), (12, 12, 3), "x.permute(0, 3, 1, 2)"),
        (lambda net, x: x.reshape(-1, 3, 12, 20), (12, 20, 3), "x.permute(0, 3, 1, 2)"),
        (lambda net, x: x.flatten(1).view(-1, 3, 12, 20), (12, 20, 3), "x.permute(0, 3, 1, 2)"),
        (lambda net, x: x.view(x.size(0), 12, 20, 3), (3, 12, 20), "x.permute(0, 2, 3, 1)"),
        (lambda net, x: x.view(x.size(0), 3, 16, 8, 8), (16, 3, 8, 8), "x.permute(0, 2, 1, 3, 4)"),
        (lambda net, x: x.view(x.size(0), 49, 64), (64, 49), "x.permute(0, 2, 1)"),
        (lambda net, x: x.view(x.size(0), 3, -1), (12, 20, 3), "Use permute before it"),
        (lambda net, x: x.view(x.size(0), 24, -1), (64, 4, 24), "Use permute before it"),
        (lambda net, x: x.view(x.size(0), 24, 64), (64, 1, 24), "Use permute before it"),
    ],
)
def test_a_view_in_place_of_a_permute(forward: Forward, shape: tuple[int, ...], permute: str) -> None:
    [warning] = told(forward, shape)
    assert warning.code == "reread-memory"
    assert permute in str(warning.reason)


def test_the_permute_that_is_named_gives_the_shape_of_the_view_and_other_values() -> None:
    x = torch.arange(2.0 * 12 * 20 * 3).view(2, 12, 20, 3)
    viewed, permuted = x.view(2, 3, 12, 20), x.permute(0, 3, 1, 2)
    assert viewed.shape == permuted.shape
    assert torch.equal(permuted[0, 1], x[0, :, :, 1])
    assert not torch.equal(viewed[0, 1], x[0, :, :, 1])


@pytest.mark.parametrize(
    ("forward", "shape"),
    [
        (lambda net, x: x.flatten(1), (3, 12, 12)),
        (lambda net, x: x.view(x.size(0), -1).view(x.size(0), 3, 12, 20), (3, 12, 20)),
        (lambda net, x: x.view(x.size(0), 32, -1), (64, 8, 8)),  # groups of channels
        (lambda net, x: x.view(x.size(0), 8, -1), (64, 8, 8)),
        (lambda net, x: x.view(x.size(0), 49, 4, 16), (49, 64)),  # heads
        (lambda net, x: x.view(-1, 3, 8, 8), (16, 3, 8, 8)),  # frames folded into the batch
        (lambda net, x: x.view(x.size(0), 1, 28, 28), (784,)),
        (lambda net, x: x.view(x.size(0), 8, 1, 1), (8,)),
        (lambda net, x: x.permute(0, 3, 1, 2).reshape(x.size(0), -1), (12, 20, 3)),
        (lambda net, x: F.channel_shuffle(x, 2), (4, 6, 6)),
        (
            lambda net, x: x.view(-1, 2, 2, 6, 6).transpose(1, 2).reshape(-1, 4, 6, 6),
            (4, 6, 6),
        ),  # the same by hand
        (
            lambda net, x: x.view(-1, 4, 8, 7, 8, 7).view(-1, 4, 56, 56).view(-1, 4, 7, 8, 7, 8),
            (4, 56, 56),
        ),  # a grid
        (lambda net, x: F.pixel_shuffle(x, 2), (4, 6, 6)),
        (lambda net, x: x.unsqueeze(1).squeeze(1), (12, 20, 3)),
    ],
)
def test_views_that_are_meant(forward: Forward, shape: tuple[int, ...]) -> None:
    assert told(forward, shape) == []


def test_a_view_that_works_for_one_channel_alone() -> None:
    def forward(net: Any, x: Tensor) -> Any:
        return net.m0(x).permute(0, 2, 3, 1).view(x.size(0), -1)

    [warning] = told(forward, (3, 8, 8), nn.Conv2d(3, 1, 3))
    assert (warning.code, warning.name) == ("view-of-one-channel", "view")
    assert "only because one of the sizes 6 x 6 x 1 is 1" in str(warning.text)
    more = trace(Calls(forward, nn.Conv2d(3, 4, 3)), (3, 8, 8)).failure
    assert more is not None
    assert "With a single channel" in more.message
    assert told(lambda net, x: net.m0(x).permute(0, 2, 3, 1).flatten(1), (3, 8, 8), nn.Conv2d(3, 1, 3)) == []


@pytest.mark.parametrize(
    ("layer", "shape", "instead"),
    [(nn.MaxPool2d(2), (8, 98), "MaxPool1d"), (nn.MaxPool3d(2), (4, 26, 26), "MaxPool2d"), (nn.AdaptiveAvgPool2d(1), (4, 9), "AdaptiveAvgPool1d")],
)  # fmt: skip
def test_a_pooling_that_takes_the_batch_for_channels(
    layer: nn.Module, shape: tuple[int, ...], instead: str
) -> None:
    [warning] = told(lambda net, x: net.m0(x), shape, layer)
    assert warning.code == "batch-as-channels"
    assert f"Use {instead}." in str(warning.reason)
