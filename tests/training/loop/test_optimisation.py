"""Optimizers that leave PyTorch's compiler alone, and change weights exactly as PyTorch's own do.

And the order of a batch's numbers in memory: results do not depend on it, and it suits the network.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from cnnviz import architectures, datasets
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.loop import optimisation
from cnnviz.training.loop.optimisation import memory_format
from cnnviz.training.loop.session import new_session
from cnnviz.training.recipe.recipe import Recipe

WITHOUT_COMPILER = """
import sys
import torch
from cnnviz.training.loop import optimisation

for kind in (optimisation.SGD, optimisation.Adam, optimisation.AdamW):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = kind([weight], lr=0.1)
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    assert weight[0] < 1
    assert weight.grad is None
assert "torch._dynamo" not in sys.modules
"""


def trained(kind: type[torch.optim.Optimizer], **settings: Any) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Weights and state after some steps, with the state handed to a new optimizer in the middle."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    optimizer = kind(model.parameters(), **settings)
    for step in range(12):
        optimizer.zero_grad()
        model(torch.randn(4, 6)).square().mean().backward()
        optimizer.step()
        if step == 5:
            state = optimizer.state_dict()
            optimizer = kind(model.parameters(), **settings)
            optimizer.load_state_dict(state)
    return [parameter.detach() for parameter in model.parameters()], optimizer.state_dict()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.01}),
        ("Adam", {"lr": 0.01}),
        ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ],
)
@pytest.mark.parametrize("fused", [True, False])
def test_weights_and_state_are_those_of_pytorch(name: str, settings: dict[str, Any], fused: bool) -> None:
    ours, our_state = trained(getattr(optimisation, name), **settings, fused=fused)
    theirs, their_state = trained(getattr(torch.optim, name), **settings, fused=fused)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert our_state["param_groups"] == their_state["param_groups"]
    assert our_state["state"].keys() == their_state["state"].keys()


@pytest.mark.slow
def test_the_compiler_is_not_loaded() -> None:
    """It takes two seconds at the start of every training."""
    subprocess.run([sys.executable, "-c", WITHOUT_COMPILER], check=True, cwd=PROJECT_DIRECTORY, timeout=120)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("lenet-bn", torch.contiguous_format),  # its first batch normalisation has 6 channels
        ("lenet-cifar", torch.channels_last),
        ("resnet18", torch.channels_last),
    ],
)
def test_narrow_batch_normalisation_gets_the_channels_first(key: str, expected: torch.memory_format) -> None:
    with torch.device("meta"):
        model = architectures.get(key).build()
    assert memory_format(Recipe.default(key), model) is expected


@pytest.mark.parametrize("key", ["lenet-bn", "basic-cnn"])
def test_images_and_weights_lie_in_the_order_that_suits_the_network(key: str) -> None:
    recipe = Recipe.default(key, dataset="mnist-sample", device="cpu")
    session = new_session(recipe, datasets.load("mnist-sample"), torch.device("cpu"))
    order = memory_format(recipe, session.model)
    convolution = next(each for each in session.model.modules() if isinstance(each, nn.Conv2d))
    x, _ = session.train.take(session.train.order(torch.Generator()), 0)
    assert convolution(x).is_contiguous(memory_format=order)
    assert not convolution(x).is_contiguous(
        memory_format=torch.channels_last if order is torch.contiguous_format else torch.contiguous_format
    )
