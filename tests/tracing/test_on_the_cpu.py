"""What PyTorch refuses on the CPU is refused by the trace, in the same words; what it takes there is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.tracing import on_the_cpu
from cnnviz.tracing.meta_device import answer
from cnnviz.tracing.on_the_cpu import OnTheCpu, suspected
from cnnviz.tracing.trace import trace

Shape = tuple[int, ...]


class Indexed(nn.Module):
    """Layers and whole numbers for forwards that go wrong."""

    def __init__(self, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.function = function
        self.fc = nn.Linear(8, 3)
        self.conv = nn.Conv2d(3, 4, 3)
        self.precise = nn.Conv2d(3, 4, 3).double()
        self.norm = nn.BatchNorm2d(3)
        self.table = nn.Embedding(4, 8)
        self.register_buffer("positions", torch.tensor([0, 12]))
        self.register_buffer("mask", torch.ones(8, 8, dtype=torch.bool))

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def filters(x: Tensor, *shape: int) -> Tensor:
    return torch.ones(shape, device=x.device)


@pytest.mark.parametrize(
    "function",
    [
        lambda net, x: net.fc(x.long()),
        lambda net, x: net.fc(x > 0),
        lambda net, x: net.fc(x.argmax(1)),
        lambda net, x: net.fc(x.half()),
        lambda net, x: net.conv(x.int()),
        lambda net, x: net.precise(x),
        lambda net, x: net.norm(x.long()),
        lambda net, x: (x > 0).softmax(1),
        lambda net, x: F.log_softmax(x.long(), 1),
        lambda net, x: F.relu(x > 0),
        lambda net, x: F.gelu(x.byte()),
        lambda net, x: F.max_pool2d(x > 0, 2),
        lambda net, x: F.avg_pool2d(x.int(), 2),
        lambda net, x: F.interpolate(x.long(), scale_factor=2),
        lambda net, x: F.layer_norm(x.long(), [8]),
        lambda net, x: (x > 0) - (x < 1),
        lambda net, x: -(x > 0),
        lambda net, x: x.long().mul_(0.5),
        lambda net, x: x.long().std(1),
        lambda net, x: x @ x.double(),
        lambda net, x: net.norm(x) & net.mask,
        lambda net, x: ~net.norm(x),
        lambda net, x: x.masked_fill(x, 0.0),
        lambda net, x: net.table(net.norm(x)),
        lambda net, x: F.conv2d(x, filters(x, 4, 3, 3, 3), filters(x, 5)),
        lambda net, x: F.conv2d(x, filters(x, 5, 1, 3, 3), groups=3),
        lambda net, x: F.conv2d(x, filters(x, 4, 3, 3, 3), stride=(1, 1, 1)),
        lambda net, x: F.conv2d(x, filters(x, 4, 3, 3, 3), padding=-1),
        lambda net, x: F.conv1d(x.flatten(2), filters(x, 4, 3, 3), filters(x, 3)),
        lambda net, x: F.conv_transpose2d(x, filters(x, 3, 4, 3, 3), filters(x, 3)),
        lambda net, x: F.conv_transpose2d(x, filters(x, 3, 4, 3, 3), stride=2, output_padding=2),
        lambda net, x: F.conv_transpose2d(x, filters(x, 2, 4, 3, 3)[:, :1]),
        lambda net, x: F.linear(x, filters(x, 4, 8), filters(x, 5)),
        lambda net, x: F.interpolate(x, scale_factor=0.1),
        lambda net, x: F.interpolate(x, size=[3]),
        lambda net, x: torch.special.softmax(x, 4),
        lambda net, x: x.sort(-5)[0],
        lambda net, x: F.unfold(x, 3, padding=-1),
        lambda net, x: x[:, [0, 12]],
        lambda net, x: x[:, net.positions],
        lambda net, x: x[:, net.positions - 1],
        lambda net, x: x.index_select(1, net.positions),
        lambda net, x: x.gather(1, net.positions.view(1, 2, 1, 1)),
        lambda net, x: net.table(net.positions),
        lambda net, x: net.table(torch.arange(x.shape[-1], device=x.device)),
        lambda net, x: net.table(torch.tensor([5])),
        lambda net, x: torch.einsum("bchw,dc->bdhw", x, filters(x, 4, 2)),
        lambda net, x: x.view(2, 3, 65),
        lambda net, x: x.squeeze(7),
        lambda net, x: x.permute(0, 1, 2),
        lambda net, x: x.chunk(0, 1),
        lambda net, x: x.split([1, 1], 1),
        lambda net, x: x.flatten(3, 1),
        lambda net, x: F.pixel_shuffle(x, 2),
        lambda net, x: F.glu(x, 1),
        lambda net, x: torch.bmm(x, x),
    ],
)
def test_the_words_are_those_of_a_real_call(function: Callable[[Any, Tensor], Any]) -> None:
    with pytest.raises((RuntimeError, IndexError, TypeError, ValueError)) as real:
        Indexed(function).eval()(torch.rand(2, 3, 8, 8))
    failure = trace(Indexed(function), (3, 8, 8)).failure
    assert failure is not None
    words = str(real.value).splitlines()[0]
    known = failure.expected is not None or failure.advice is not None  # a sentence of cnnviz's own
    assert known or f"raises {real.type.__name__}: {words}" in failure.message


@pytest.mark.parametrize(
    "function",
    [
        lambda net, x: net.fc((x > 0).float()),
        lambda net, x: x * (x > 0),
        lambda net, x: x.masked_fill(net.mask, 0.0),
        lambda net, x: torch.where(net.mask, x, 0.0),
        lambda net, x: x[:, [0, -1]],
        lambda net, x: x[..., net.positions.clamp(max=7)],
        lambda net, x: net.table(net.positions % 4),
        lambda net, x: net.table(torch.arange(4, device=x.device)),
        lambda net, x: net.table(x.long().clamp(0, 3)),
        lambda net, x: x.double() + x,
        lambda net, x: x.long() // (x.long() + 1),
        lambda net, x: F.one_hot(x.long().clamp(0, 3)[:, 0], 4),
        lambda net, x: x.permute(0, 2, 3, 1).reshape(2, -1),
        lambda net, x: net.conv(x[0]),
    ],
)
def test_what_the_cpu_takes_is_taken(function: Callable[[Any, Tensor], Any]) -> None:
    Indexed(function).eval()(torch.rand(2, 3, 8, 8))
    assert trace(Indexed(function), (3, 8, 8)).failure is None


def test_a_trace_leaves_random_numbers_and_whole_numbers_alone() -> None:
    network: Any = Indexed(lambda net, x: F.dropout(x * net.positions.add_(1)[0], training=True))
    state = torch.get_rng_state()
    assert trace(network, (3, 8, 8)).failure is None
    assert torch.equal(torch.get_rng_state(), state)
    assert network.positions.tolist() == [0, 12]


def test_plain_calls_are_not_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_given: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(on_the_cpu.OnTheCpu, "_called", refuses)
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 8, 2, stride=2)),
        *(nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(4608, 4), nn.Softmax(dim=1)),
    )
    assert trace(network, (3, 8, 8)).failure is None


# -- calls at random ---------------------------------------------------------------------------------

X, ROW = (2, 4, 6, 6), (2, 6)
PLAIN: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
    (F.conv2d, (X, (4, 2, 3, 3), (4,), 1, 1, 1, 2)),
    (F.conv1d, ((2, 5, 6), (4, 5, 3), (4,), 1, 0, 1, 1)),
    (F.conv_transpose2d, (X, (4, 2, 3, 3), (4,), 2, 1, 1, 2, 1)),
    (F.linear, (ROW, (3, 6), (3,))),
    (F.batch_norm, (X, (4,), (4,), (4,), (4,))),
    (F.group_norm, (X, 2, (4,), (4,))),
    (F.max_pool2d, (X, 2, 2, 0, 1)),
    (F.avg_pool2d, (X, 2, 2, 0)),
    (F.adaptive_avg_pool2d, (X, 3)),
    (F.softmax, (X, 1)),
    (F.glu, (X, 1)),
    (F.prelu, (X, (4,))),
    (F.interpolate, (X, 3)),
    (F.pixel_shuffle, (X, 2)),
    (F.unfold, (X, 3, 1, 0, 1)),
    (F.grid_sample, (X, (2, 5, 5, 2))),
    (torch.matmul, ((2, 5, 6), (6, 4))),
    (torch.bmm, ((2, 5, 6), (2, 6, 4))),
    (torch.add, (X, (4, 1, 1))),
    (torch.sub, (X, X)),
    (Tensor.mul_, (X, X)),
    (torch.where, (X, X, X)),
    (torch.mean, (X, 1)),
    (torch.std, (X, 1)),
    (torch.argmax, (X, 1)),
    (torch.sort, (X, 1)),
    (torch.topk, (X, 2, 1)),
    (torch.cumsum, (X, 1)),
    (torch.flatten, (X, 1, 2)),
    (torch.squeeze, (X, 1)),
    (torch.transpose, (X, 1, 2)),
    (torch.narrow, (X, 1, 1, 2)),
    (torch.select, (X, 1, 2)),
    (torch.chunk, (X, 2, 1)),
    (torch.repeat_interleave, (X, 2, 1)),
    (torch.roll, (X, 1, 1)),
)
TYPES = (torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Callable[..., Any], list[Any]]:
    """A plain call with one argument changed: another size, type or number."""
    function, plain = draw(st.sampled_from(PLAIN))
    given_: list[Any] = [torch.zeros(one) if isinstance(one, tuple) else one for one in plain]
    place = draw(st.integers(0, len(plain) - 1))
    if not isinstance(given_[place], Tensor):
        given_[place] = draw(st.integers(-7, 7))
    elif draw(st.booleans()):
        given_[place] = given_[place].to(draw(st.sampled_from(TYPES)))
    else:
        sizes = list(given_[place].shape)
        sizes[draw(st.integers(0, len(sizes) - 1))] = draw(st.integers(1, 8))
        given_[place] = torch.zeros(sizes[draw(st.integers(0, 1)) :])
    return function, given_


@given(calls())
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_the_verdict_on_a_call_is_that_of_the_cpu(call: tuple[Callable[..., Any], list[Any]]) -> None:
    function, args = call
    on_meta = [arg.to("meta") if isinstance(arg, Tensor) else arg for arg in args]
    halves = {arg.dtype for arg in args if isinstance(arg, Tensor)} == {torch.float16}
    real, told = outcome(lambda: function(*args)), outcome(lambda: traced(function, on_meta))
    assert told == real or halves  # what the CPU lacks for half precision a GPU has


def traced(function: Callable[..., Any], args: list[Any]) -> Any:
    """What a recorder does with a call."""
    cpu = OnTheCpu(lambda tensor: None)
    try:
        known = answer(function, tuple(args), {})
        if known is not None:
            return known
        cpu.check(function, args, {})
        return function(*args)
    except Exception as error:
        told = cpu.refusal(function, args, {})
        if told is None:  # a trace asks for real values
            return function(
                *(torch.zeros_like(a, device="cpu") if isinstance(a, Tensor) else a for a in args)
            )
        raise told from error


def outcome(call: Callable[[], Any]) -> str | list[tuple[Shape, torch.dtype]]:
    try:
        return [(tuple(tensor.shape), tensor.dtype) for tensor in tensors(call())]
    except Exception as error:
        return str(error).splitlines()[0]


def tensors(value: Any) -> Iterator[Tensor]:
    yield from [value] if isinstance(value, Tensor) else value


def test_calls_are_suspected_for_their_types() -> None:
    x = torch.zeros(2, device="meta")
    assert not suspected(torch.add, (x, x), {})
    assert suspected(torch.add, (x, x.double()), {})
    assert suspected(torch.cat, ([x, x.long()],), {})
    assert suspected(torch.exp, (), {"input": x.long()})
