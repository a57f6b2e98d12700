from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cnnviz import architectures
from cnnviz.interpret.top_activations import COUNTS, TOP, batch_size, spread, top_activations, usual_count
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import Trace, trace
from tests.networks import on_meta


def network() -> tuple[torch.nn.Module, Trace]:
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
    model, traced = network()
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
    model, traced = network()
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

    model, traced = network()
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
    assert usual_count(network()[1], network()[1].ops[0], 700) == 700


def test_memory_stays_small_whatever_the_network() -> None:
    for key in ("mlp", "basic-cnn", "vgg16"):
        architecture = architectures.get(key)
        traced = trace(on_meta(architecture), architecture.input_shape)
        values = sum(torch.Size(op.output_shape).numel() for op in traced.ops)
        assert batch_size(traced) == 1 or batch_size(traced) * values <= 8_000_000


def test_images_are_spread_over_all() -> None:
    assert spread(4, 100).tolist() == [0, 25, 50, 75]
    assert spread(3, 3).tolist() == [0, 1, 2]
