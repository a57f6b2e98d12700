from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.interpret.activations import feature_maps
from cnnviz.tracing.trace import trace
from tests.networks import MINI, each

MINIS = each(MINI)


def network(architecture: Architecture) -> nn.Module:
    return architecture.build_seeded(3).eval().requires_grad_(False)


def image(architecture: Architecture, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, *architecture.input_shape, generator=torch.Generator().manual_seed(seed))


@MINIS
def test_every_op_has_its_maps(architecture: Architecture) -> None:
    model, x = network(architecture), image(architecture)
    traced = trace(model, architecture.input_shape)
    found = feature_maps(model, x, traced)
    assert [maps.op for maps in found] == list(traced.ops)
    for maps in found:
        assert maps.values.shape == maps.op.output_shape
        assert maps.values.dtype == np.float32
        assert maps.limit == np.abs(maps.values).max()
    assert np.allclose(found[-1].values, model(x)[0].numpy())


def test_maps_are_what_the_layers_compute() -> None:
    architecture = architectures.get("basic-cnn")
    model, x = network(architecture), image(architecture)
    found = {maps.op.name: maps for maps in feature_maps(model, x, trace(model, architecture.input_shape))}
    expected = F.relu(F.max_pool2d(model.conv1(x), 2))[0]
    assert np.allclose(found["relu"].values, expected.numpy(), atol=1e-6)
    assert found["relu"].zeros == pytest.approx((expected == 0).float().mean().item())
    assert found["conv1"].values.min() < 0  # not changed by what comes after


def test_one_image_at_a_time() -> None:
    architecture = architectures.get("basic-cnn")
    model = network(architecture)
    with pytest.raises(ValueError, match="2 images"):
        feature_maps(model, torch.zeros(2, 1, 28, 28), trace(model, architecture.input_shape))


@MINIS
def test_many_threads_on_one_shared_model_get_what_one_gets(architecture: Architecture) -> None:
    model = network(architecture)
    traced = trace(model, architecture.input_shape)
    images = [image(architecture, seed) for seed in range(24)]
    expected = [feature_maps(model, x, traced) for x in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: feature_maps(model, x, traced), images))
    for one, other in zip(expected, found, strict=True):
        assert all(np.allclose(a.values, b.values, atol=1e-5) for a, b in zip(one, other, strict=True))
    assert not any(module._forward_hooks for module in model.modules())
