"""Small networks, data sets and steps of training with a mistake each; the tables beside provoke errors with them."""

from __future__ import annotations

import io
from collections import namedtuple
from typing import Any

import torch
from torch import Tensor, nn, ones, zeros
from torch.nn import functional as F
from torch.utils.data import Dataset

LONG, BYTE, DOUBLE, HALF = torch.long, torch.uint8, torch.double, torch.half

Outputs = namedtuple("GoogLeNetOutputs", "logits aux")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)  # type: ignore[no-any-return]


class NoForward(nn.Module):
    pass


class NoSuper(nn.Module):
    def __init__(self) -> None:
        self.fc = nn.Linear(2, 2)


class NoSuperP(nn.Module):
    def __init__(self) -> None:
        self.w = nn.Parameter(zeros(2))


class NoSuperB(nn.Module):
    def __init__(self) -> None:
        self.register_buffer("b", zeros(2))


class NoSuperCall(nn.Module):
    def __init__(self) -> None:
        self.n = 3


class Bad(Dataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class NoLen(Dataset[Any]):
    def __getitem__(self, index: int) -> int:
        return index


class NoGet(Dataset[Any]):
    def __len__(self) -> int:
        return 3


class Thing:
    pass


def backward_twice() -> None:
    w = ones(2, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    loss.backward()


def inplace_saved() -> None:
    y = ones(2, requires_grad=True).exp()
    y += 1
    y.sum().backward()


def inplace_weights() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    loss = net(ones(3, 2)).sum()
    with torch.no_grad():
        for p in net.parameters():
            p += 1
    loss.backward()


def relu_inplace() -> None:
    y = ones(2, requires_grad=True).sigmoid()
    (y * F.relu(y, inplace=True)).sum().backward()


def leaf_inplace() -> None:
    w = ones(2, requires_grad=True)
    w += 1


def unbind_inplace() -> None:
    first, _ = (ones(2, 2, requires_grad=True) * 1).unbind()
    first += 1


def no_grad_elem() -> None:
    with torch.no_grad():
        loss = Net()(ones(1, 4)).sum()
    loss.backward()


def allow_unused() -> None:
    a, b = ones(1, requires_grad=True), ones(1, requires_grad=True)
    torch.autograd.grad((a * 2).sum(), b)


def load(state: Any, net: nn.Module | None = None) -> None:
    (net or Net()).load_state_dict(state)


def prefixed() -> None:
    load({f"module.{name}": value for name, value in Net().state_dict().items()})


def missing() -> None:
    load({"fc.weight": zeros(2, 4)})


def unexpected() -> None:
    load({**Net().state_dict(), "fc2.weight": zeros(2)})


def mismatch() -> None:
    load({"fc.weight": zeros(3, 4), "fc.bias": zeros(3)})


def checkpoint() -> None:
    load({"epoch": 3, "model_state_dict": Net().state_dict(), "optimizer_state_dict": {}})


def unprefixed() -> None:
    nn.DataParallel(Net()).load_state_dict(Net().state_dict())


def saved(thing: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return file
