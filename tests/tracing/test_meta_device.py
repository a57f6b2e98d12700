"""What is answered without PyTorch is what PyTorch answers; what it would refuse is left to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cnnviz.tracing.meta_device import answer
from cnnviz.tracing.recorder import Recorder
from cnnviz.tracing.tap import tensors_in
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


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 3, 2, 1), (1, 3, 1, 1), (1, 3), (2, 3), (2, 4, 5)])
def test_batch_norm_in_training(shape: tuple[int, ...]) -> None:
    """One value for each channel is refused, and another number of channels."""
    x, mean, deviation = torch.zeros(shape), torch.zeros(3), torch.ones(3)
    assert agrees(F.batch_norm, x, mean, deviation, None, None, True)
    assert agrees(F.batch_norm, x, None, None, None, None, True)
    given = [x.to("meta"), mean.to("meta"), deviation.to("meta"), None, None, True]
    assert (answer(F.batch_norm, given, {}) is None) == (shape in ((1, 3, 1, 1), (1, 3), (2, 4, 5)))


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
    failure = trace(nn.Sequential(nn.ConvTranspose2d(4, 2, 3)), (3, 8, 8)).failure
    assert failure is not None
    assert (failure.expected, failure.received) == (4, 3)


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


def laid_out(value: Any) -> list[tuple[torch.Size, tuple[int, ...]]]:
    """Shapes and strides of the tensors in a result."""
    return [(tensor.shape, tensor.stride()) for tensor in tensors_in(value)]


RECURRENT = [
    (cls, options)
    for cls in (nn.LSTM, nn.GRU, nn.RNN)
    for options in (
        {},
        {"batch_first": True, "num_layers": 2},
        {"bidirectional": True, "num_layers": 2, "batch_first": True},
        {"bias": False, "bidirectional": True},
    )
] + [(nn.LSTM, {"proj_size": 2, "num_layers": 2}), (nn.RNN, {"nonlinearity": "relu"})]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(("cls", "options"), RECURRENT)
def test_recurrent_layers_are_answered_as_they_run(cls: type[nn.Module], options: dict[str, Any]) -> None:
    layer = cls(3, 4, **options).eval()
    x = torch.zeros(2, 5, 3)
    expected = laid_out(layer(x))
    asked: list[str] = []

    class Answers(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = answer(func, args, kwargs or {})
            if func in (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu):
                asked.append("answered" if found is not None else "not answered")
            return func(*args, **(kwargs or {})) if found is None else found

    with Answers():
        assert laid_out(layer.to("meta")(x.to("meta"))) == expected
    assert asked == ["answered"]


@pytest.mark.parametrize("cls", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_steps_of_recurrent_layers_are_answered(cls: type[nn.Module]) -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cls(3, 4)  # type: ignore[call-arg]

        def forward(self, x: Tensor) -> Tensor:
            state = None
            for step in range(x.shape[1]):
                state = self.cell(x[:, step], state)
            return state[0] if isinstance(state, tuple) else state  # type: ignore[return-value]

    traced = trace(Loop(), (5, 3))
    assert traced.op("cell_5").output_shape == (4,)
    failure = trace(Loop(), (5, 2)).failure
    assert failure is not None
    assert failure.name == "cell"


def test_a_long_sequence_takes_no_time() -> None:
    """PyTorch would go through all 20,000 steps on the meta device: a minute and more."""
    started = time.perf_counter()
    assert trace(nn.LSTM(8, 16, batch_first=True), (20_000, 8)).ops[0].output_shape == (20_000, 16)
    assert time.perf_counter() - started < 5


X = torch.zeros(2, 6, 4, 4)
PERMUTED = torch.zeros(2, 4, 6, 4).permute(0, 2, 1, 3)


@pytest.mark.parametrize("x", [X, PERMUTED, X.to(memory_format=torch.channels_last)])
@pytest.mark.parametrize(
    "call",
    [
        F.gelu,
        F.relu,
        torch.sigmoid,
        lambda x: F.hardtanh(x, 0.0, 6.0),
        lambda x: x * 2,
        lambda x: x + x[:, :1],
        lambda x: x[:, :, :1] - x,
        lambda x: x / x.transpose(2, 3),
        lambda x: F.layer_norm(x, (4, 4)),
        lambda x: F.group_norm(x, 3),
        lambda x: F.interpolate(x, scale_factor=1.6, mode="bicubic"),
        lambda x: F.interpolate(x, size=(3, 9), mode="bilinear", align_corners=True),
        lambda x: F.batch_norm(x, torch.zeros(6, device=x.device), torch.ones(6, device=x.device)),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.linear(x, torch.zeros(3, 4, device=x.device)),
    ],
)
def test_answers_lie_in_memory_as_results_do(call: Callable[[Tensor], Tensor], x: Tensor) -> None:
    class Calls(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            found.append(laid_out(call(x)))
            return x

    found: list[Any] = []
    example = x.to("meta")
    with Recorder(Calls(), [example]):
        Calls()(example)
    assert found[0] in (
        laid_out(call(x)),
        laid_out(call(example)),
    )  # PyTorch's devices differ in two of these


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + x[:, :2],
        lambda x: F.layer_norm(x, (5,)),
        lambda x: F.group_norm(x, 4),
        lambda x: F.interpolate(x, scale_factor=0.1),
        lambda x: F.interpolate(x, size=(3, 3), mode="nearest", align_corners=True),
    ],
)
def test_answers_do_not_hide_what_pytorch_refuses(call: Callable[[Tensor], Tensor]) -> None:
    class Calls(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return call(x)

    with pytest.raises((RuntimeError, ValueError)):
        call(X)
    assert trace(Calls(), (6, 4, 4)).failure is not None


def test_plain_layers_are_answered() -> None:
    """Speed rests on it: None would send every layer through PyTorch's own meta kernels."""
    x, weight = torch.empty(2, 3, 8, 8, device="meta"), torch.empty(4, 3, 3, 3, device="meta")
    found = answer(F.conv2d, (x, weight, torch.empty(4, device="meta")), {})
    assert found is not None
    assert found.shape == (2, 4, 6, 6)
