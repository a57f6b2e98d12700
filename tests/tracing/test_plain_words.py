"""A trace that fails where cnnviz knows no rule asks the error decoder before it quotes PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnnviz


class Net(nn.Module):
    """A network whose forward is ``steps``, with a few layers to call."""

    def __init__(self, steps: Callable[[Net, Tensor], Any]) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 16, batch_first=True)
        self.fc = nn.Linear(16, 10)
        self.conv = nn.Conv2d(1, 6, 3)
        self.shuffle = nn.PixelShuffle(2)
        self.attention = nn.MultiheadAttention(16, 4)
        self.matrix = nn.Parameter(torch.zeros(7, 3))
        self.steps = steps

    def forward(self, x: Tensor) -> Any:
        return self.steps(self, x)


FAILING: dict[str, tuple[Callable[[Net, Tensor], Any], str, str]] = {
    "a tuple out of an LSTM": (lambda net, x: net.fc(net.lstm(x[:, 0])), "fc (Linear)", "x, _ = self.lstm(x)"),
    "a method of that tuple": (lambda net, x: net.lstm(x[:, 0]).size(0), "size of a value of type tuple", "x, _ = self.lstm(x)"),
    "a type": (lambda net, x: net.conv(x.long()), "types: long int and float", "x = x.to(weight.dtype)"),
    "a dimension": (lambda _, x: F.softmax(x.flatten(1), dim=2), "dimension 2, but dimensions count from 0 and the last one here is 1", "x = x.softmax(dim=-1)"),
    "permute": (lambda _, x: x.permute(0, 2, 1), "the tensor has 4, but 3 are given", "x = x.permute(0, 3, 1, 2)"),
    "pixel shuffle": (lambda net, x: net.shuffle(net.conv(x)), "the 6 channels it got are not a multiple of 4", "nn.Conv2d(in_channels, 8, 3, padding=1)"),
    "a matrix product": (lambda net, x: net.conv(x).mean((2, 3)) @ net.matrix, "The first matrix has 6 columns, but the second, 7 x 3, has 7 rows", "x @ y.transpose(-2, -1)"),
    "batched products": (lambda _, x: torch.bmm(x[:, 0], x[:, 0, :5]), "28 rows; it has 2 with 5", "q @ k.transpose(-2, -1)"),
    "einsum": (lambda _, x: torch.einsum("bij,bjk->bik", x[:, 0], x[:, 0, :5]), "the letter j stands for 28 in one tensor, but for 5", "torch.einsum('bij,bjk->bik', x, y)"),
    "einsum's letters": (lambda _, x: torch.einsum("bij,bjk->bik", x, x), "3 letters for tensor number 0 (counting from 0), but it has 4", "torch.einsum("),
    "nothing returned": (lambda net, _: net.conv(None), "something else: NoneType", "return x"),
    "a misspelt method": (lambda _, x: x.flattten(1), "Tensors have no flattten", "Did you mean flatten?"),
    "cat without a list": (lambda _, x: torch.cat(x, x), "passed as one list", "torch.cat([x, y], dim=1)"),
    "unflatten": (lambda _, x: x.flatten(1).unflatten(1, (3, 5, 5)), "784 values of dimension 1", "write -1"),
    "attention": (lambda net, x: net.attention(x[:, 0], x[:, 0], x[:, 0]), "16 features, the last dimension; they have 28", "nn.Linear(28, 16)"),
    "an index": (lambda _, x: x[:, 3], "Index 3 was requested, but dimension 1 has size 1", "size - 1"),
    "a mode": (lambda _, x: F.interpolate(x.flatten(2), scale_factor=2, mode="bilinear"), "bilinear needs 4 dimensions", "F.interpolate("),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "said", "remedy"), FAILING.values(), ids=FAILING.keys())
def test_the_decoder_is_asked(steps: Callable[[Net, Tensor], Any], said: str, remedy: str) -> None:
    failure = cnnviz.trace(Net(steps), (1, 28, 28)).failure
    assert failure is not None
    assert said in failure.message
    assert remedy in failure.message
    assert "unsqueeze(0)" not in str(failure.advice)  # a traced input has its batch dimension


def test_words_of_ones_own_are_quoted() -> None:
    def steps(net: Net, x: Tensor) -> Tensor:
        raise ValueError("images of 30 x 30 only")

    failure = cnnviz.trace(Net(steps), (1, 28, 28)).failure
    assert failure is not None
    assert failure.message.endswith("images of 30 x 30 only")
