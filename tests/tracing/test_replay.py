"""Traces are faithful: their ops, run again one by one, come to what the model gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.tracing.replay import replay
from cnnviz.tracing.trace import trace
from tests.networks import ALL, MINI, TORCHVISION, each
from tests.shapes.networks import (
    Bare,
    Calls,
    Dense,
    Dictionary,
    NeedsData,
    OnTheCpu,
    SelfAttention,
    Thrice,
    Tied,
)
from tests.tracing.test_taps import CASES, SIZE, Case


def assert_replayed(model: nn.Module, shape: tuple[int, ...]) -> None:
    model.eval().requires_grad_(False)
    traced = trace(model, shape)
    assert traced.failure is None
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    with torch.inference_mode():
        expected = model(x.clone())
    expected = next(iter(expected.values())) if isinstance(expected, dict) else expected
    found = replay(model, x, traced)
    assert torch.isfinite(expected).all()
    assert expected.std() > 0
    assert found.shape == expected.shape
    assert torch.equal(found, expected) or torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(x, before)


@each(MINI)
def test_the_first_networks_of_the_course(architecture: Architecture) -> None:
    assert_replayed(architecture.build_seeded(3), architecture.input_shape)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_works_in_place(case: Case) -> None:
    assert_replayed(case.build(), (4, SIZE, SIZE))


def attends(net: Any, x: Tensor) -> Tensor:
    q, k, v = (part.relu() for part in net.m0(x).chunk(3, dim=-1))
    return F.scaled_dot_product_attention(q, k, v)


TABLE = torch.arange(6.0)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Thrice(), (4,)),
        (Tied(), (8,)),
        (Bare(), (100,)),
        (Dense(), (3, 5, 5)),
        (Dictionary(), (4,)),
        (NeedsData(), (4,)),
        (OnTheCpu(), (4,)),
        (SelfAttention(), (5, 8)),
        (nn.Conv2d(3, 8, 3), (3, 9, 9)),
        (nn.Sequential(nn.Identity(), nn.BatchNorm1d(3)), (3,)),
        (Calls(attends, nn.Linear(6, 18)), (4, 6)),
        (Calls(lambda net, x: x + TABLE.to(x.device)), (6,)),
        (Calls(lambda net, x: x + torch.arange(6, device=x.device)), (6,)),
        (Calls(lambda net, x: x @ net.m0.weight.data.T, nn.Linear(6, 2)), (6,)),
        (Calls(lambda net, x: net.m0(x)[1][0][-1], nn.LSTM(6, 3, batch_first=True)), (4, 6)),
        (nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))), (6,)),
    ],
)
def test_unusual_networks(model: nn.Module, shape: tuple[int, ...]) -> None:
    assert_replayed(model, shape)


def branches(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    y[:, 0] = 0
    first, second = net.m1(y).chunk(2, dim=1)
    return net.m2(first.tanh() + second)


Change = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("m1", {"inputs": (0,)}),  # of the tensor before the write
        ("add", {"inputs": (3,), "parts": ()}),  # an input too few
    ],
)
def test_a_link_that_is_wrong_is_noticed(name: str, change: dict[str, Any]) -> None:
    model = Calls(branches, nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(2, 2, 1)).eval()
    good = trace(model, (1, 9, 9))
    bad = dataclasses.replace(
        good, ops=tuple(dataclasses.replace(op, **change) if op.name == name else op for op in good.ops)
    )
    x = torch.rand(1, 1, 9, 9)
    assert torch.equal(replay(model, x, good), model(x))
    with pytest.raises(CnnvizError, match=f"incomplete: {name} uses a tensor"):
        replay(model, x, bad)


def test_a_wrong_part_gives_another_output() -> None:
    model = Calls(branches, nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(2, 2, 1)).eval()
    good, x = trace(model, (1, 9, 9)), torch.rand(1, 1, 9, 9)
    ops = tuple(dataclasses.replace(op, parts=()) if op.name == "add" else op for op in good.ops)
    assert good.op("add").parts == (0, 1)
    assert not torch.allclose(replay(model, x, dataclasses.replace(good, ops=ops)), model(x))


def test_a_pass_of_another_network_is_refused() -> None:
    traced = trace(nn.Sequential(nn.ReLU(), nn.ReLU()), (3,))
    with pytest.raises(CnnvizError, match="has no fixed list"):
        replay(nn.Sequential(nn.ReLU()), torch.rand(1, 3), traced)
    with pytest.raises(CnnvizError, match="receives 3"):
        replay(nn.Linear(2, 2), torch.rand(1, 3), trace(nn.Linear(2, 2), (3,)))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Work this small is done before a second thread has begun, and tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def quick_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights in no time: layers of equally many inputs read pieces of one tensor, each another piece."""
    noise = torch.randn(262_139, generator=torch.Generator().manual_seed(0))  # a prime: no two rows are equal
    of_inputs: dict[int, Tensor] = {}
    starts = count(step=1009)

    def fill(tensor: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        inputs = tensor[0].numel() if tensor.dim() > 1 else 2500
        start = next(starts) % len(noise)
        end = start + tensor.numel()
        if len(of_inputs.get(inputs, ())) < end:
            of_inputs[inputs] = noise.repeat(end // len(noise) + 1).mul_(inputs**-0.5)
        tensor.data = of_inputs[inputs][start:end].view_as(tensor)
        return tensor

    zeros = nn.init.zeros_

    def fill_or_zeros(tensor: Tensor) -> Tensor:  # a head of zeros would give the same whatever comes before
        return fill(tensor) if tensor.dim() > 1 else zeros(tensor)

    monkeypatch.setattr(nn.init, "zeros_", fill_or_zeros)
    for name in (
        "uniform_",
        "normal_",
        "trunc_normal_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "xavier_uniform_",
    ):
        monkeypatch.setattr(nn.init, name, fill)


@pytest.mark.slow
@each(ALL)
@pytest.mark.usefixtures("one_thread", "quick_weights")
def test_every_network_of_the_registry(architecture: Architecture) -> None:
    assert_replayed(architecture.build_seeded(3), architecture.input_shape)


SMALLEST = {"alexnet": 63, "inception_v3": 75, "maxvit_t": 224, "vit_h_14": 28}
"""Sides of inputs, in pixels, where a network of torchvision takes no 64."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
@pytest.mark.usefixtures("one_thread", "quick_weights")
def test_networks_of_torchvision(name: str) -> None:
    options: dict[str, Any] = {"weights": None}
    side = SMALLEST.get(name, 64)
    if name.startswith("vit"):
        options["image_size"] = side
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    assert_replayed(torchvision.models.get_model(name, **options), (3, side, side))
