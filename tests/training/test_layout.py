"""The order of a batch's numbers in memory: results do not depend on it, and it suits the network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnviz import architectures, datasets
from cnnviz.training.loop.memory_format import memory_format
from cnnviz.training.loop.preparing import new_session
from cnnviz.training.recipe.recipe import Recipe


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
    assert memory_format(model) is expected


@pytest.mark.parametrize("key", ["lenet-bn", "basic-cnn"])
def test_images_and_weights_lie_in_the_order_that_suits_the_network(key: str) -> None:
    recipe = Recipe.default(key, dataset="mnist-sample", device="cpu")
    session = new_session(recipe, datasets.load("mnist-sample"), torch.device("cpu"))
    layout = memory_format(session.model)
    convolution = next(each for each in session.model.modules() if isinstance(each, nn.Conv2d))
    x, _ = session.train.take(session.train.order(torch.Generator()), 0)
    assert convolution(x).is_contiguous(memory_format=layout)
    assert not convolution(x).is_contiguous(
        memory_format=torch.channels_last if layout is torch.contiguous_format else torch.contiguous_format
    )
