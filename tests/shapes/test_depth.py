from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.shapes.shares import depth
from cnnviz.tracing.trace import trace
from tests.networks import on_meta


@pytest.mark.parametrize(
    ("key", "options", "weighted", "total"),
    [
        ("googlenet", {}, 22, 27),  # Szegedy et al. 2015, section 5
        ("googlenet", {"auxiliary": True}, 22, 27),
        ("alexnet", {}, 8, 11),
        ("vgg16", {}, 16, 21),
        ("vgg11", {"depth": 19}, 19, 24),
        ("resnet18", {}, 18, 20),
        ("resnet18", {"depth": 34}, 34, 36),
        ("lenet5", {}, 5, 7),
        ("mlp", {}, 3, 3),
    ],
)
def test_layers_are_counted_as_the_papers_do(
    key: str, options: dict[str, object], weighted: int, total: int
) -> None:
    architecture = architectures.get(key)
    found = depth(trace(on_meta(architecture, **options), architecture.input_shape))
    assert (found.weighted, found.total) == (weighted, total)


def test_of_two_branches_the_one_with_more_weighted_layers_counts() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
            self.pool = nn.MaxPool2d(3, stride=1, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.b(self.a(x)), self.pool(self.pool(self.pool(x)))], dim=1)

    found = depth(trace(Branches(), (1, 4, 4)))
    assert (found.weighted, found.pooling) == (2, 0)


def test_products_of_two_tensors_are_no_layers() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.matmul(x, self.fc(x).transpose(1, 2))

    assert depth(trace(Attends(), (3, 4))).weighted == 1
