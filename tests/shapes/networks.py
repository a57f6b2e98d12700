"""Small networks with one peculiarity each, for tests of what looks at networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Thrice(nn.Module):
    """One layer, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.fc(self.fc(x)))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 8, bias=False)
        self.b = nn.Linear(8, 8, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x))


class _Block(nn.Module):
    def __init__(self, relu: nn.ReLU) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 4)
        self.relu = relu
        self.fc2 = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.relu(self.fc1(x)))


class SharedReLU(nn.Module):
    """Blocks that share one ReLU module."""

    def __init__(self) -> None:
        super().__init__()
        relu = nn.ReLU()
        self.blocks = nn.Sequential(_Block(relu), _Block(relu), _Block(relu))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class Bare(nn.Module):
    """A parameter that is used directly, 100 values, beside a layer of 1,010."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(100))
        self.fc = nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x * self.scale)


class Unused(nn.Module):
    """A layer of 20 parameters that is called, and one of 500 that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.unused = nn.Linear(99, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


class NeedsData(nn.Module):
    """A forward that decides by the values."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else self.fc(-x)


class OnTheCpu(nn.Module):
    """A forward that makes a tensor on the CPU."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.ones(4)


class Dictionary(nn.Module):
    """A dictionary as output, and a submodule that is called with keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = Thrice()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": F.relu(self.branch(x=x))}


class Dense(nn.Module):
    """Concatenations of concatenations, as in DenseNet: a submodule gets a list."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = _Joined(3), _Joined(5)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        features.append(self.first(features))
        features.append(self.second(features))
        return torch.cat(features, 1)


class _Joined(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.conv(self.norm(torch.cat(features, 1)))


class SelfAttention(nn.Module):
    """Attention with two heads of a sequence of 8 features to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


class Calls(nn.Module):
    """A network whose forward is the given function; its layers are ``m0``, ``m1``, ..."""

    def __init__(self, function: Callable[[Any, Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for number, layer in enumerate(layers):
            self.add_module(f"m{number}", layer)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)
