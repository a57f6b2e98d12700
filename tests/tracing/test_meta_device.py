"""What is answered without PyTorch is what PyTorch answers; what it would refuse is left to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.tracing.meta_device import answer, forgotten
from cnnviz.tracing.trace import trace

SIDES = st.integers(1, 12)


def agrees(func: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether the answer has the shape that a real call on the CPU gives; no answer is fine too."""
    try:
        real = func(*args, **kwargs).shape
    except (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError):
        real = None
    on_meta = [_to_meta(arg) for arg in args]
    given_ = answer(func, on_meta, {key: _to_meta(value) for key, value in kwargs.items()})
    return given_ is None or given_.shape == real


def _to_meta(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_to_meta(entry) for entry in value)
    return value.to("meta") if isinstance(value, Tensor) else value


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    sides=st.tuples(SIDES, SIDES),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.one_of(st.integers(0, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))),
    padding=st.one_of(st.integers(0, 3), st.sampled_from(["same", "valid"])),
    dilation=st.integers(1, 3),
    groups=st.integers(1, 2),
)
@settings(max_examples=300, deadline=None)
def test_convolutions(
    channels: tuple[int, int],
    sides: tuple[int, int],
    kernel: tuple[int, int],
    stride: Any,
    padding: Any,
    dilation: int,
    groups: int,
) -> None:
    x, weight = torch.zeros(1, channels[0], *sides), torch.zeros(2 * groups, channels[1], *kernel)
    assert agrees(torch.conv2d, x, weight, None, stride, padding, dilation, groups)


@given(
    sides=st.tuples(SIDES, SIDES),
    kernel=st.integers(1, 5),
    stride=st.one_of(st.none(), st.integers(0, 4)),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    ceil_mode=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_max_pooling(
    sides: tuple[int, int], kernel: int, stride: int | None, padding: int, dilation: int, ceil_mode: bool
) -> None:
    x = torch.zeros(1, 2, *sides)
    assert agrees(F.max_pool2d, x, kernel, stride, padding, dilation, ceil_mode)


@given(shapes=st.lists(st.tuples(st.just(1), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_merges(shapes: list[tuple[int, ...]]) -> None:
    tensors = [torch.zeros(shape) for shape in shapes]
    for dim in (-3, -1, 0, 1, 2, 5):
        assert agrees(torch.cat, tensors, dim)
    assert agrees(torch.add, tensors[0], tensors[-1])
    assert agrees(torch.Tensor.add_, tensors[0].clone(), tensors[-1])
    assert agrees(torch.add, tensors[0], tensors[-1], alpha=2)
    assert agrees(torch.cat, tensors, axis=1)


@given(
    features=st.tuples(st.integers(1, 3), st.integers(1, 3)), shape=st.lists(st.integers(1, 3), max_size=3)
)
@settings(max_examples=100, deadline=None)
def test_linear(features: tuple[int, int], shape: list[int]) -> None:
    assert agrees(F.linear, torch.zeros(*shape, features[0]), torch.zeros(5, features[1]))


@pytest.mark.parametrize("count", [3, 4])
def test_batch_norm(count: int) -> None:
    x, statistics = torch.zeros(2, 3, 4, 4), torch.ones(count)
    assert agrees(F.batch_norm, x, statistics, statistics)
    assert (
        answer(F.batch_norm, [x.to("meta"), statistics.to("meta"), statistics.to("meta")], {}) is None
    ) == (count == 4)


def test_other_types_are_left_to_pytorch() -> None:
    x, weight = torch.zeros(1, 3, device="meta"), torch.zeros(2, 3, dtype=torch.double, device="meta")
    assert answer(F.linear, [x, weight], {}) is None
    assert answer(F.linear, [x, torch.zeros(2, 3)], {}) is None
    assert answer(F.linear, [x, weight.float()], {}) is not None


def test_real_tensors_are_left_to_pytorch() -> None:
    assert answer(F.relu, [torch.zeros(3)], {}) is None
    assert answer(torch.add, [torch.zeros(3), 1], {}) is None
    assert answer(torch.cat, [[]], {}) is None


def test_a_transposed_convolution_checks_its_channels_as_it_does_on_the_cpu() -> None:
    layer = nn.ConvTranspose2d(4, 2, 3)
    with pytest.raises(RuntimeError) as real:
        layer(torch.rand(2, 3, 8, 8))
    failure = trace(nn.Sequential(layer), (3, 8, 8)).failure
    assert failure is not None
    assert (failure.expected, failure.received) == (4, 3)
    with pytest.raises(RuntimeError) as told:
        forgotten(torch.conv_transpose2d, (torch.empty(2, 3, 8, 8, device="meta"), layer.weight), {})
    assert str(told.value) == str(real.value)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=2), (4, 5, 5)),
        (nn.Upsample(scale_factor=0.1), (4, 5, 5)),
        (nn.Softmax(dim=4), (4, 5, 5)),
        (nn.LogSoftmax(dim=-5), (4, 5, 5)),
    ],
)
def test_what_the_cpu_refuses_is_refused(layer: nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        layer(torch.rand(2, *shape))
    assert trace(nn.Sequential(layer), shape).failure is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.conv2d(x, torch.empty(4, 3, 3, 3, device=x.device), torch.empty(5, device=x.device)),
        lambda x: F.linear(x, torch.empty(4, 8, device=x.device), torch.empty(5, device=x.device)),
        lambda x: F.batch_norm(x, None, None),
    ],
    ids=["conv2d", "linear", "batch_norm"],
)
def test_calls_that_pytorch_refuses_are_refused(call: Callable[[Tensor], Tensor]) -> None:
    class Calls(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return call(x)

    with pytest.raises((RuntimeError, ValueError)):
        call(torch.rand(2, 3, 8, 8))
    assert trace(Calls(), (3, 8, 8)).failure is not None


def test_plain_layers_are_answered() -> None:
    """Speed rests on it: None would send every layer through PyTorch's own meta kernels."""
    x, weight = torch.empty(2, 3, 8, 8, device="meta"), torch.empty(4, 3, 3, 3, device="meta")
    found = answer(F.conv2d, (x, weight, torch.empty(4, device="meta")), {})
    assert found is not None
    assert found.shape == (2, 4, 6, 6)
