from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.tracing.capture import capture, capture_call
from cnnviz.tracing.trace import trace
from tests.networks import CHEAP, MNIST, each


def hooked(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What hooks on a model that nobody else uses record: the last call of each leaf."""
    found: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda _m, _i, out, name=name: found.update({name: out.detach().clone()})
            )
    model(x)
    return found


@each(CHEAP)
def test_outputs_are_those_that_hooks_see(architecture: Architecture) -> None:
    model = architecture.build_seeded(3).eval()
    x = torch.rand(2, *architecture.input_shape)
    traced = trace(model, architecture.input_shape)
    outputs = capture(model, x, traced)
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(outputs[-1], model(x))
    expected = hooked(architecture.build_seeded(3).eval(), x)
    last = {op.module: output for op, output in zip(traced.ops, outputs, strict=True) if op.module}
    assert last.keys() == expected.keys()
    assert all(torch.equal(last[name], expected[name]) for name in expected)


def test_in_place_operations_do_not_spoil_what_came_before() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Identity()).eval()
    x = torch.randn(1, 1, 6, 6)
    before, after, same = capture(model, x, trace(model, (1, 6, 6)))
    assert torch.equal(before, model[0](x))
    assert before.min() < 0 <= after.min()
    assert torch.equal(same, after)


def test_a_pass_that_differs_from_the_trace_is_refused() -> None:
    class Moody(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x) if x.sum() > 0 else torch.relu(torch.relu(x))

    model = Moody().eval()
    traced = trace(model, (3,))
    with pytest.raises(CnnvizError, match="whose operations depend on the data"):
        capture(model, -torch.ones(1, 3), traced)


@pytest.mark.slow
def test_many_threads_on_one_shared_model() -> None:
    """Traces, captures and predictions of many sessions at once are those of one alone."""
    shared = {a.key: a.build_seeded(5).eval() for a in MNIST}
    shapes = {a.key: a.input_shape for a in MNIST}
    images = [torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(i)) for i in range(24)]

    def work(job: tuple[str, int]) -> list[Tensor]:
        key, index = job
        return capture(shared[key], images[index], trace(shared[key], shapes[key]))

    jobs = [(key, index) for index in range(len(images)) for key in shared]
    alone = [work(job) for job in jobs]
    with ThreadPoolExecutor(max_workers=8) as pool:
        together = list(pool.map(work, jobs))
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_one_call_is_captured_with_what_it_was_given() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten()).eval()
    x = torch.randn(1, 1, 4, 4)
    traced = trace(model, (1, 4, 4))
    call = capture_call(model, x, traced, traced.ops[0])
    assert call.function == "conv2d"
    assert torch.equal(call.arguments["input"], x)
    assert torch.equal(call.arguments["weight"], model[0].weight)
    assert torch.equal(call.output, model[0](x))  # not what the ReLU made of it afterwards
    assert torch.equal(capture_call(model, x, traced, traced.ops[1]).output, call.output.relu())


def test_an_op_that_calls_nothing_has_no_call() -> None:
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 2)).eval()
    traced = trace(model, (3,))
    with pytest.raises(CnnvizError, match="has no fixed list"):
        capture_call(model, torch.randn(1, 3), traced, traced.ops[0])
