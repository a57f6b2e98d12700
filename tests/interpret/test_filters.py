from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.interpret.filters import (
    MOST_COMPARED,
    MOST_COUNTED,
    LayerWeights,
    distribution,
    layer_weights,
    norms,
    order,
)
from cnnviz.tracing.trace import trace
from tests.networks import CHEAP, each


def layers_of(model: nn.Module, shape: tuple[int, ...]) -> dict[str, LayerWeights]:
    return {layer.name: layer for layer in layer_weights(model, trace(model, shape))}


def built(key: str) -> tuple[nn.Module, dict[str, LayerWeights]]:
    architecture = architectures.get(key)
    model = architecture.build_seeded(3).eval()
    return model, layers_of(model, architecture.input_shape)


@each(CHEAP)
def test_every_convolution_and_linear_has_its_weights(architecture: Architecture) -> None:
    model = architecture.build_seeded(3).eval()
    found = layers_of(model, architecture.input_shape)
    expected = {name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    assert {layer.op.module for layer in found.values()} == expected
    for layer in found.values():
        module = model.get_submodule(str(layer.op.module))
        assert np.array_equal(layer.values.reshape(-1), module.weight.detach().numpy().reshape(-1))
        assert layer.limit == module.weight.abs().max()
        if module.bias is None:
            assert layer.bias is None
        else:
            assert np.array_equal(layer.bias, module.bias.detach().numpy())


def test_a_linear_s_rows_are_the_maps_that_it_reads() -> None:
    assert built("mlp")[1]["fc1"].shape == (8, 1, 28, 28)
    assert built("mlp")[1]["fc2"].shape == (8, 8, 1, 1)
    model, layers = built("inception-mini")
    assert layers["fc"].shape == (10, 88, 4, 4)
    maps = torch.randn(1, 88, 4, 4)
    expected = model.fc(maps.flatten(1))
    scores = np.einsum("ochw,chw->o", layers["fc"].values, maps[0].numpy()) + layers["fc"].bias
    assert np.allclose(scores, expected[0].detach().numpy(), atol=1e-5)


def test_a_linear_behind_dropout_and_activation_finds_its_maps() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.Flatten(), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(108, 4), nn.Linear(4, 2)
    ).eval()  # fmt: skip
    layers = layers_of(model, (1, 8, 8))
    assert layers["4"].shape == (4, 3, 6, 6)
    assert layers["5"].shape == (2, 4, 1, 1)


def test_a_linear_behind_a_permutation_has_no_maps() -> None:
    class Permuted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(64, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.permute(0, 2, 3, 1).flatten(1))

    assert layers_of(Permuted().eval(), (1, 8, 8))["fc"].shape == (2, 64, 1, 1)


def test_other_convolutions_have_output_channels_first() -> None:
    transposed = nn.Sequential(nn.ConvTranspose2d(3, 5, 2))
    assert layers_of(transposed, (3, 8, 8))["0"].shape == (5, 3, 2, 2)
    grouped = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, bias=False))
    assert layers_of(grouped, (4, 8, 8))["0"].shape == (8, 1, 3, 3)


def test_weights_are_the_network_s_own_and_cannot_be_written() -> None:
    model, layers = built("basic-cnn")
    with pytest.raises(ValueError, match="read-only"):
        layers["conv1"].values[0] = 0
    with torch.no_grad():
        model.conv1.weight[0] = 7.0
    assert layers["conv1"].values[0].min() == 7.0


def test_first_is_by_execution_and_a_shared_layer_comes_once() -> None:
    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.Conv2d(4, 4, 3, padding=1)
            self.first = nn.Conv2d(1, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.second(self.first(x)))

    assert list(layers_of(Reversed().eval(), (1, 8, 8))) == ["first", "second"]


def test_a_network_without_weights_says_so() -> None:
    model = nn.Sequential(nn.Flatten(), nn.ReLU()).eval()
    with pytest.raises(CnnvizError, match="Sequential has no convolution or Linear"):
        layer_weights(model, trace(model, (1, 4, 4)))


arrays = st.tuples(st.integers(1, 30), st.integers(1, 4), st.integers(1, 3), st.integers(0, 9)).map(
    lambda size: np.random.default_rng(size[3]).normal(size=(*size[:2], size[2], size[2])).astype(np.float32)
)


@given(values=arrays, by=st.sampled_from(["channel", "norm", "similarity"]))
def test_every_filter_stands_in_the_order_once(values: np.ndarray, by: str) -> None:
    assert sorted(order(values, by).tolist()) == list(range(len(values)))


@given(values=arrays)
def test_norms_fall(values: np.ndarray) -> None:
    lengths = norms(values)
    assert np.allclose(lengths, np.linalg.norm(values.reshape(len(values), -1), axis=1), rtol=1e-5)
    assert (np.diff(lengths[order(values, "norm")]) <= 0).all()


def test_alike_filters_stand_side_by_side() -> None:
    edge, spot = np.array([[1.0, -1.0], [1.0, -1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    values = np.stack([3 * edge, spot, 0.5 * edge, 2 * spot, 0 * spot]).astype(np.float32)
    assert order(values, "similarity").tolist()[:2] == [0, 2]
    walk = order(values, "similarity").tolist()
    assert abs(walk.index(1) - walk.index(3)) == 1


def test_of_very_many_filters_the_strongest_come_first() -> None:
    values = np.random.default_rng(0).normal(size=(MOST_COMPARED + 1, 2)).astype(np.float32)
    assert np.array_equal(order(values, "similarity"), order(values, "norm"))


@given(values=arrays)
def test_a_distribution_counts_every_weight_once(values: np.ndarray) -> None:
    found = distribution(values)
    assert found.counts.sum() == found.size == values.size
    assert found.mean == pytest.approx(float(values.mean()), abs=1e-5)
    assert found.deviation == pytest.approx(float(values.std()), abs=1e-4)
    assert (found.low, found.high) == (values.min(), values.max())
    assert np.allclose(found.edges, -found.edges[::-1])


def test_of_very_many_weights_some_are_counted() -> None:
    values = np.random.default_rng(0).normal(size=3 * MOST_COUNTED).astype(np.float32)
    found = distribution(values)
    assert found.every == 3
    assert found.counts.sum() == MOST_COUNTED
    assert found.size == values.size


def test_a_layer_of_zeros_has_a_distribution() -> None:
    found = distribution(np.zeros((2, 2), np.float32))
    assert found.counts.sum() == 4
    assert found.deviation == 0
