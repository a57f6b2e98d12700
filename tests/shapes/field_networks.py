"""Random networks of everything that moves places about, for comparing receptive fields with gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from torch import Tensor, nn
from torch.nn import functional as F

Layer = Callable[[Tensor], Tensor]


class Function(nn.Module):
    """A function as a layer that is no leaf, so that its operations are traced."""

    def __init__(self, function: Layer) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Beside(nn.Module):
    """Two branches that meet: added up, or one behind the other."""

    def __init__(self, one: nn.Module, other: nn.Module, add: bool) -> None:
        super().__init__()
        self.one, self.other, self.add = one, other, add

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.one(x), self.other(x)
        rows, columns = min(one.shape[2], other.shape[2]), min(one.shape[3], other.shape[3])
        one, other = one[:, :, :rows, :columns], other[:, :, :rows, :columns]
        return one + other if self.add else torch.cat([one, other], 1)[:, ::2]


def shuffled(x: Tensor) -> Tensor:
    """ShuffleNet's channels, dealt out by five-dimensional views."""
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def one_half(x: Tensor, layer: nn.Module) -> Tensor:
    """ShuffleNet's block: one half passes, the other is worked on."""
    one, other = x.chunk(2, dim=1)
    other = layer(other)
    return shuffled(torch.cat([one, other], 1)) if other.shape == one.shape else shuffled(x)


def channels_last(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def windowed(x: Tensor) -> Tensor:
    """Swin's windows of 2 x 2: attention inside, then back."""
    n, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2].permute(0, 2, 3, 1)
    h, w = h // 2 * 2, w // 2 * 2
    parts = x.reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
    seen = (parts @ parts.transpose(1, 2)).softmax(-1) @ parts
    back = seen.view(n, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
    return back.permute(0, 3, 1, 2)


def columns_and_back(x: Tensor) -> Tensor:
    """Unfolded and folded again, which counts overlapping windows several times."""
    return F.fold(F.unfold(x, 2, padding=1, stride=2), x.shape[2:], 2, padding=1, stride=2)


def tokens(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.flatten(2).transpose(1, 2).cumsum(1).transpose(1, 2).reshape(n, c, h, w)


MOVES: list[Layer] = [
    lambda x: x[:, :, ::2, ::2],
    lambda x: x[:, :, 1:, :-1],
    lambda x: x[..., 1::3],
    lambda x: x.flip(2),
    lambda x: x.flip(-1, 2),
    lambda x: x.roll((1, -2), (2, 3)),
    lambda x: x.transpose(2, 3),
    lambda x: x.cumsum(3),
    lambda x: x.narrow(2, 0, max(1, x.shape[2] - 1)),
    lambda x: x.chunk(2, dim=3)[-1] * 2,
    lambda x: torch.stack([x, x.flip(3)]).mean(0),
    lambda x: x.mean((2, 3), keepdim=True) * (x[:, :, :1] + 1) + x,  # + 1: times a padded zero nothing shows
    lambda x: x + x.logsumexp(3, keepdim=True),
    lambda x: x + torch.zeros(x.shape[2], 1, dtype=x.dtype, device=x.device),
    lambda x: x.repeat(1, 1, 1, 2),
    lambda x: x.repeat_interleave(2, dim=2),
    lambda x: x.unfold(3, 2, 1).sum(-1) if x.shape[3] > 1 else x,
    lambda x: torch.cat([x, x[:, :, :1]], 2),
    lambda x: F.interpolate(x, size=(x.shape[2] + 1, 5), mode="nearest"),
    lambda x: F.interpolate(x, scale_factor=1.7, mode="nearest-exact"),
    lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    lambda x: F.interpolate(x, size=(4, 7), mode="bilinear", align_corners=True),
    lambda x: F.interpolate(x, scale_factor=(1.5, 2), mode="bicubic"),
    lambda x: F.interpolate(x, size=5, mode="area"),
    lambda x: x.view(*x.shape[:2], 1, *x.shape[2:]).expand(-1, -1, 2, -1, -1).flatten(1, 2),
    shuffled,
    windowed,
    columns_and_back,
    tokens,
]


@dataclass(frozen=True)
class Case:
    """A network, and the (C, H, W) of an input for it."""

    network: nn.Module
    shape: tuple[int, int, int]


@st.composite
def _window(draw: DrawFn, channels: int) -> nn.Module:
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding, dilation = draw(st.integers(0, kernel // 2)), draw(st.integers(1, 2))
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return nn.ConvTranspose2d(channels, channels, kernel, stride, padding, dilation=dilation, groups=2)
    if kind == 1:
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    if kind == 2:
        return nn.AdaptiveAvgPool2d((draw(st.integers(1, 5)), draw(st.integers(1, 5))))
    mode = draw(st.sampled_from(["zeros", "zeros", "zeros", "circular", "reflect", "replicate"]))
    groups = draw(st.sampled_from([1, 1, 2]))
    return nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups, padding_mode=mode)


@st.composite
def _norm(draw: DrawFn, channels: int) -> nn.Module:
    layers = [nn.BatchNorm2d(channels), nn.GroupNorm(2, channels), nn.InstanceNorm2d(channels), nn.Softplus()]
    return draw(st.sampled_from([*layers, nn.LocalResponseNorm(3), nn.Softmax(1), nn.Softmax(3)]))


@st.composite
def _layer(draw: DrawFn, channels: int, depth: int) -> nn.Module:
    kind = draw(st.integers(0, 9))
    if kind <= 2:
        return draw(_window(channels))
    if kind == 3:
        return draw(_norm(channels))
    if kind == 4:
        amounts = draw(st.lists(st.integers(-1, 2), min_size=4, max_size=4))
        return draw(st.sampled_from([nn.ZeroPad2d(amounts), nn.ReplicationPad2d([abs(n) for n in amounts])]))
    if kind == 5 and depth:
        one, other = draw(_stack(channels, depth - 1)), draw(_stack(channels, depth - 1))
        return Beside(one, other, draw(st.booleans()))
    if kind == 6:
        half = nn.Sequential(nn.Conv2d(channels // 2, channels // 2, 3, padding=1), nn.Tanh())
        last = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, channels))
        made = [partial(one_half, layer=half), partial(channels_last, layer=last)]
        function = Function(draw(st.sampled_from(made)))
        function.half, function.last = half, last
        return function
    return Function(draw(st.sampled_from(MOVES)))


@st.composite
def _stack(draw: DrawFn, channels: int, depth: int) -> nn.Module:
    return nn.Sequential(*(draw(_layer(channels, depth)) for _ in range(draw(st.integers(1, 3)))))


@st.composite
def cases(draw: DrawFn) -> Case:
    """Layers for four channels, on a small input that mostly fits."""
    network = draw(_stack(4, 2))
    return Case(network, (4, draw(st.integers(3, 9)), draw(st.integers(3, 9))))
