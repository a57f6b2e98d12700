"""Random networks for property tests: layers with good and bad arguments, branches, shortcuts, a head."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from torch import Tensor, nn
from torch.nn import functional as F

EXAMPLES = int(os.environ.get("CNNVIZ_TEST_RANDOM_NETWORKS", "60"))
"""How many networks a test tries, others in each run; the long mode: 2,000."""


class Shortcut(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class Branches(nn.Module):
    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Gate(nn.Module):
    """Squeeze and excitation: one factor a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.fc(x.mean((2, 3))))
        return x * weights.view(x.size(0), -1, 1, 1)


@dataclass(frozen=True)
class Case:
    """A network, and the (C, H, W) of an input for it."""

    network: nn.Module
    shape: tuple[int, int, int]


_SIZES = st.integers(1, 4)
_SIDES = _SIZES | st.tuples(_SIZES, _SIZES)
_CHANNELS = st.sampled_from([1, 2, 3, 4, 6, 8])


def _groups(draw: DrawFn, *channels: int) -> int:
    return draw(st.sampled_from([g for g in (1, 2, 3, 4) if all(c % g == 0 for c in channels)]))


@st.composite
def _convolution(draw: DrawFn, channels: int) -> tuple[nn.Module, int]:
    leaving = draw(_CHANNELS)
    transposed = draw(st.integers(0, 9)) == 0
    options: dict[str, Any] = {
        "kernel_size": draw(_SIDES),
        "dilation": draw(st.sampled_from([1, 1, 2])),
        "groups": _groups(draw, channels, leaving),
        "bias": draw(st.booleans()),
        "stride": draw(st.sampled_from([1, 1, 2, 3])),
        "padding": draw(st.integers(0, 2)),
    }
    if transposed:
        return nn.ConvTranspose2d(channels, leaving, **options), leaving
    if draw(st.integers(0, 6)) == 0:
        options |= {"padding": draw(st.sampled_from(["same", "valid"])), "stride": 1}
    return nn.Conv2d(channels, leaving, **options), leaving


@st.composite
def _pooling(draw: DrawFn) -> nn.Module:
    kernel, stride = draw(_SIDES), draw(st.none() | _SIZES)
    padding, ceil_mode = draw(st.sampled_from([0, 0, 1, 2])), draw(st.booleans())
    kind = draw(st.sampled_from(["max", "avg", "lp", "adaptive-avg", "adaptive-max"]))
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, draw(st.sampled_from([1, 1, 2])), ceil_mode=ceil_mode)
    if kind == "avg":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil_mode)
    if kind == "lp":
        return nn.LPPool2d(2, kernel, stride, ceil_mode=ceil_mode)
    return (nn.AdaptiveAvgPool2d if kind == "adaptive-avg" else nn.AdaptiveMaxPool2d)(draw(_SIDES))


@st.composite
def _normalisation(draw: DrawFn, channels: int) -> nn.Module:
    kind = draw(st.sampled_from(["batch", "group", "instance", "local", "layer"]))
    affine = draw(st.booleans())
    if kind == "batch":
        return nn.BatchNorm2d(channels, affine=affine, track_running_stats=draw(st.booleans()))
    if kind == "group":
        return nn.GroupNorm(_groups(draw, channels), channels, affine=affine)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=affine)
    if kind == "layer":
        return nn.LayerNorm(draw(_SIZES), elementwise_affine=affine)
    return nn.LocalResponseNorm(draw(_SIZES))


_PLAIN = (
    nn.ReLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.LeakyReLU,
    nn.ELU,
    nn.PReLU,
    nn.Softplus,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.LogSigmoid,
)


@st.composite
def _other(draw: DrawFn, channels: int) -> nn.Module:
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return nn.ZeroPad2d(draw(st.integers(0, 2)))
    if kind == 1:
        return nn.Upsample(scale_factor=2)
    if kind == 2:
        return nn.Softmax(dim=draw(st.integers(1, 3)))
    if kind == 3:
        return Gate(channels)
    return draw(st.sampled_from(_PLAIN))()


@st.composite
def _layer(draw: DrawFn, channels: int, depth: int) -> tuple[nn.Module, int]:
    """A layer for so many channels (mostly: sometimes it was made for others), and what leaves it."""
    made_for = draw(_CHANNELS) if draw(st.integers(0, 15)) == 0 else channels
    kind = draw(st.integers(0, 9 if depth else 6))
    if kind <= 2:
        return draw(_convolution(made_for))
    if kind == 3:
        return draw(_pooling()), channels
    if kind == 4:
        return draw(_normalisation(made_for)), channels
    if kind <= 6:
        return draw(_other(made_for)), channels
    if kind == 7:
        body, leaving = draw(_stack(channels, depth - 1))
        identity = draw(st.booleans())
        return Shortcut(body, nn.Identity() if identity else nn.Conv2d(channels, leaving, 1)), leaving
    branches = [draw(_stack(channels, depth - 1)) for _ in range(draw(st.integers(1, 3)))]
    return Branches(*(branch for branch, _ in branches)), sum(leaving for _, leaving in branches)


@st.composite
def _stack(draw: DrawFn, channels: int, depth: int) -> tuple[nn.Module, int]:
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        layer, channels = draw(_layer(channels, depth))
        layers.append(layer)
    return nn.Sequential(*layers), channels


@st.composite
def cases(draw: DrawFn) -> Case:
    """A network of some layers, with a head or without one, and an input that mostly fits."""
    channels = draw(_CHANNELS)
    body, leaving = draw(_stack(channels, 2))
    layers: list[nn.Module] = [body]
    if draw(st.booleans()):
        features = draw(st.sampled_from([leaving, leaving * 4, leaving * 16, 10]))
        if draw(st.booleans()):
            layers.append(nn.AdaptiveAvgPool2d(draw(st.integers(1, 2))))
        layers += [nn.Flatten(), nn.Linear(features, 5)]
        layers += draw(st.sampled_from([[], [nn.BatchNorm1d(5)], [nn.LogSoftmax(dim=1)], [nn.Linear(5, 3)]]))
    arriving = draw(_CHANNELS) if draw(st.integers(0, 15)) == 0 else channels
    size = st.integers(1, 14)
    return Case(nn.Sequential(*layers).eval(), (arriving, draw(size), draw(size)))
