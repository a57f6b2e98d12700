from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.tracing.capture import capture, output_of, score_op, scores_and_output, scores_of
from cnnviz.tracing.trace import trace
from tests.networks import MINI, each


def image(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))


@each(MINI)
def test_every_op_gives_what_it_gives_in_a_whole_pass(architecture: Architecture) -> None:
    model = architecture.build_seeded(3).eval().requires_grad_(False)
    traced, x = trace(model, architecture.input_shape), image(architecture.input_shape)
    for op, expected in zip(traced.ops, capture(model, x, traced), strict=True):
        assert torch.equal(output_of(model, x, traced, op), expected)


class InPlace(nn.Module):
    """Reused modules, ops that work in place, a branch and a merge."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        self.fc = nn.Linear(2 * 6 * 6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.conv(x))
        z = self.same(self.relu(self.conv(y)))
        z += y
        return self.fc(F.relu(z, inplace=True).flatten(1))


def test_gradients_are_those_of_a_model_that_works_out_of_place() -> None:
    torch.manual_seed(1)
    model = InPlace().eval().requires_grad_(False)
    traced, x = trace(model, (2, 6, 6)), image((2, 6, 6))
    first = model.conv(x)
    y = F.relu(first)
    second = model.conv(y.requires_grad_())
    for name, start, rest in (
        ("conv", first, lambda t: _after(model, F.relu(t))),
        ("relu", y.detach(), lambda t: _after(model, t)),
        ("conv_2", second.detach(), lambda t: model.fc(F.relu(F.relu(t) + y.detach()).flatten(1))),
    ):
        leaf = start.clone().requires_grad_()
        expected = torch.autograd.grad(rest(leaf)[:, 1].sum(), leaf)[0]
        scores, output = scores_and_output(model, x, traced, traced.op(name))
        assert torch.allclose(output, start, atol=1e-6)
        found = torch.autograd.grad(scores[:, 1].sum(), output)[0]
        assert torch.allclose(found, expected, atol=1e-6), name
        assert torch.allclose(scores, model(x), atol=1e-6)


def test_the_gradient_of_the_input_goes_through_ops_that_work_in_place() -> None:
    class Trap(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = InPlace()

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(x, inplace=True)
            y = torch.sigmoid(x)
            y *= 2.0
            y.add_(1.0)
            return self.inner(y)

    model = Trap().eval().requires_grad_(False)
    x = image((2, 6, 6)).requires_grad_()
    scores = scores_of(model, x, trace(model, (2, 6, 6)))
    found = torch.autograd.grad(scores[:, 0].sum(), x)[0]
    inner = 2 * torch.sigmoid(F.relu(x)) + 1
    first = F.relu(model.inner.conv(inner))
    rest = model.inner.fc(F.relu(F.relu(model.inner.conv(first)) + first).flatten(1))
    assert torch.allclose(scores, rest, atol=1e-6)
    assert torch.allclose(found, torch.autograd.grad(rest[:, 0].sum(), x)[0], atol=1e-6)


def _after(model: InPlace, y: Tensor) -> Tensor:
    return model.fc(F.relu(F.relu(model.conv(y)) + y).flatten(1))


def test_an_op_that_returns_its_input_is_found() -> None:
    model = nn.Sequential(nn.Identity(), nn.Conv2d(1, 1, 3), nn.Identity(), nn.Flatten(), nn.Linear(36, 2))
    model = model.eval().requires_grad_(False)
    traced, x = trace(model, (1, 8, 8)), image((1, 8, 8))
    assert torch.equal(output_of(model, x, traced, traced.op("0")), x)
    assert torch.equal(output_of(model, x, traced, traced.op("2")), model[1](x))
    scores, output = scores_and_output(model, x, traced, traced.op("0"))
    assert torch.autograd.grad(scores.sum(), output)[0].shape == x.shape


def test_a_pass_that_goes_another_way_is_noticed() -> None:
    class Wandering(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.long = True

        def forward(self, x: Tensor) -> Tensor:
            return x.relu().flatten(1) if self.long else x.flatten(1)

    model = Wandering().eval()
    traced = trace(model, (1, 4, 4))
    model.long = False
    with pytest.raises(CnnvizError, match="did not reach flatten"):
        output_of(model, image((1, 4, 4)), traced, traced.op("flatten"))
    with pytest.raises(CnnvizError, match="did not reach"):
        scores_and_output(model, image((1, 4, 4)), traced, traced.op("relu"))


@each(MINI)
def test_many_threads_may_tap_one_shared_model(architecture: Architecture) -> None:
    model = architecture.build_seeded(3).eval().requires_grad_(False)
    traced = trace(model, architecture.input_shape)
    ops = [op for op in traced.ops if len(op.output_shape) == 3]

    def gradient(number: int) -> Tensor:
        x = image(architecture.input_shape, number)
        scores, output = scores_and_output(model, x, traced, ops[number % len(ops)])
        return torch.autograd.grad(scores[:, 0].sum(), output)[0]

    expected = [gradient(number) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(gradient, range(16)))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(expected, found, strict=True))
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_scores_are_taken_before_the_softmax() -> None:
    architecture = architectures.get("mlp")
    model = architecture.build_seeded(3).eval().requires_grad_(False)
    traced, x = trace(model, architecture.input_shape), image(architecture.input_shape)
    assert (traced.ops[-1].type, score_op(traced).name) == ("log_softmax", "fc3")
    scores = scores_of(model, x, traced)
    assert not torch.allclose(scores, model(x))
    assert torch.allclose(scores.log_softmax(1), model(x), atol=1e-6)
    again, output = scores_and_output(model, x, traced, traced.op("fc3"))
    assert torch.equal(again, scores)
    assert torch.equal(torch.autograd.grad(again[:, 2].sum(), output)[0][:, 2], torch.ones(2))


def test_scores_that_are_the_input_itself() -> None:
    model = nn.Sequential(nn.Identity(), nn.Softmax(dim=1))
    traced, x = trace(model, (3,)), torch.randn(2, 3)
    assert torch.equal(scores_of(model, x, traced).detach(), model(x))
