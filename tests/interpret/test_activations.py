from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.interpret.activations import (
    COUNTS,
    TOP,
    around_activation,
    batch_size,
    feature_maps,
    spread,
    statistics,
    top_activations,
    usual_count,
)
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import Trace, trace
from tests.networks import MINI, each, on_meta

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


def test_statistics_are_of_each_map() -> None:
    values = np.zeros((3, 2, 2), np.float32)
    values[1] = [[1, -3], [0, 2]]
    values[2] = 5
    found = statistics(values)
    assert found.mean.tolist() == [0, 0, 5]
    assert found.low.tolist() == [0, -3, 5]
    assert found.high.tolist() == [0, 2, 5]
    assert found.zeros.tolist() == [1, 0.25, 0]
    assert found.dead.tolist() == [True, False, False]
    assert found.deviation[1] == pytest.approx(values[1].std())


def test_each_value_of_a_vector_is_a_map() -> None:
    found = statistics(np.array([0.0, 4.0], np.float32))
    assert found.mean.tolist() == [0, 4]
    assert found.dead.tolist() == [True, False]


@pytest.mark.parametrize(
    ("key", "op", "pair"),
    [
        ("lenet-cifar", "conv1", ("conv1", "relu")),
        ("lenet-cifar", "relu", ("conv1", "relu")),
        ("resnet18", "stage1.0.add", ("stage1.0.add", "stage1.0.relu_2")),
        ("lenet-cifar", "flatten", None),
        ("basic-cnn", "fc", None),
    ],
)
def test_before_and_after_the_activation(key: str, op: str, pair: tuple[str, str] | None) -> None:
    architecture = architectures.get(key)
    with torch.device("meta"):
        traced = trace(architecture.build(), architecture.input_shape)
    found = around_activation(traced, traced.op(op))
    assert (None if found is None else (found[0].name, found[1].name)) == pair


def test_an_activation_of_the_input_has_nothing_before_it() -> None:
    traced = trace(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert around_activation(traced, traced.ops[0]) is None


def mini() -> tuple[torch.nn.Module, Trace]:
    architecture = architectures.get("inception-mini")
    model = architecture.build_seeded(3).eval().requires_grad_(False)
    return model, trace(model, architecture.input_shape)


def images(count: int) -> Tensor:
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def batches(x: Tensor, size: int) -> Iterator[Tensor]:
    yield from x.split(size)


@pytest.mark.parametrize("name", ["conv1", "incep1.cat", "fc"])
@pytest.mark.parametrize("count", [40, 5])
def test_the_strongest_are_found_with_their_places(name: str, count: int) -> None:
    model, traced = mini()
    x = images(count)
    op = traced.op(name)
    output = capture(model, x, traced)[op.index]
    maps = output.reshape(*output.shape[:2], -1)
    parts: list[float] = []
    found = top_activations(model, traced, op, batches(x, 7), count, parts.append)
    assert parts[-1] == 1.0
    assert parts == sorted(parts)
    assert found.seen == count
    top = min(TOP, count)
    expected = maps.amax(2).T.sort(dim=1, descending=True).values[:, :top]
    assert torch.allclose(torch.from_numpy(found.values), expected, atol=1e-6)
    for channel in range(0, op.output_shape[0], 5):
        for place in range(top):
            image = output[found.images[channel, place], channel]
            row, column = found.rows[channel, place], found.columns[channel, place]
            value = image[row, column] if image.dim() else image
            assert value == pytest.approx(found.values[channel, place], abs=1e-6)
            assert value == pytest.approx(image.max().item(), abs=1e-6)
    assert found.active.tolist() == (maps.amax(2) > 0).sum(0).tolist()


def test_batches_make_no_difference() -> None:
    model, traced = mini()
    x, op = images(30), traced.op("conv2")
    one = top_activations(model, traced, op, batches(x, 30), 30)
    many = top_activations(model, traced, op, batches(x, 4), 30)
    assert (one.images == many.images).all()
    assert one.nbytes == many.nbytes > 0


def test_what_progress_raises_ends_the_work() -> None:
    class LeftError(Exception):
        pass

    def leave(part: float) -> None:
        raise LeftError

    model, traced = mini()
    with pytest.raises(LeftError):
        top_activations(model, traced, traced.op("conv1"), batches(images(8), 4), 8, leave)


def test_larger_networks_look_through_fewer_images() -> None:
    def usual(key: str, place: int) -> int:
        architecture = architectures.get(key)
        traced = trace(on_meta(architecture), architecture.input_shape)
        return usual_count(traced, traced.ops[place], 10_000)

    assert usual("basic-cnn", -1) == 10_000
    assert usual("vgg16", -1) == COUNTS[0]
    assert usual("vgg16", 0) > usual("vgg16", 20)
    assert usual_count(mini()[1], mini()[1].ops[0], 700) == 700


def test_memory_stays_small_whatever_the_mini() -> None:
    for key in ("mlp", "basic-cnn", "vgg16"):
        architecture = architectures.get(key)
        traced = trace(on_meta(architecture), architecture.input_shape)
        values = sum(torch.Size(op.output_shape).numel() for op in traced.ops)
        assert batch_size(traced) == 1 or batch_size(traced) * values <= 8_000_000


def test_images_are_spread_over_all() -> None:
    assert spread(4, 100).tolist() == [0, 25, 50, 75]
    assert spread(3, 3).tolist() == [0, 1, 2]
