"""What the taps say an op gives, beside the same network written out step by step in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.tracing.capture import capture, capture_call, output_of, scores_and_output, scores_of
from cnnviz.tracing.trace import Trace, trace
from tests.shapes.networks import Calls

SIZE = 6
Step = Callable[..., Tensor]


@dataclass(frozen=True)
class Case:
    """A network, and the same without anything in place: each op by name, its function, and what it is given.

    Inputs are names of earlier ops, ``x`` is the model's input.
    """

    name: str
    forward: Callable[[Any, Tensor], Tensor]
    layers: tuple[nn.Module, ...]
    steps: tuple[tuple[str, Step, tuple[str, ...]], ...]

    def build(self) -> nn.Module:
        return Calls(self.forward, *self.layers).eval().requires_grad_(False)

    def run(self, x: Tensor, begin: str | None = None, value: Tensor | None = None) -> dict[str, Tensor]:
        """What every op gives; from the op ``begin`` on as if that had given ``value``."""
        found = {"x": x}
        for name, step, inputs in self.steps:
            found[name] = value if name == begin and value is not None else step(*(found[i] for i in inputs))
        return found


def conv(number: int) -> nn.Module:
    torch.manual_seed(number)
    return nn.Conv2d(4, 4, 3, padding=1)


def head() -> nn.Module:
    torch.manual_seed(9)
    return nn.Linear(4 * SIZE * SIZE, 3)


A, B = conv(1), conv(2)
FLAT, FC = nn.Flatten(), head()


def ended(*steps: tuple[str, Step, tuple[str, ...]]) -> tuple[tuple[str, Step, tuple[str, ...]], ...]:
    """``steps``, and behind the last of them ``m2`` (flatten) and ``m3`` (linear)."""
    last = steps[-1][0]
    return (*steps, ("m2", FLAT, (last,)), ("m3", FC, ("m2",)))


def zeroed(y: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(y[:, :1]), y[:, 1:]], 1)


def slice_write(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    y[:, 0] = 0
    return net.m3(net.m2(net.m1(y)))


def write_of_a_result(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    out = torch.zeros(x.shape, device=x.device)
    out[:, :2] = y[:, :2]
    out[:, 2:] = y.tanh()[:, :2]
    return net.m3(net.m2(net.m1(out)))


def put(base: Tensor, value: Tensor, start: int) -> Tensor:
    stop = start + value.shape[1]
    return torch.cat([base[:, :start], value, base[:, stop:]], 1)


def write_by_mask(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    y[y < 0] = 0.5
    return net.m3(net.m2(net.m1(y)))


def statements_in_place(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    y.sigmoid_()
    y.relu_()
    y.add_(1)
    y *= y
    z = net.m1(y)
    z += y
    return net.m3(net.m2(z))


def layers_in_place(net: Any, x: Tensor) -> Tensor:
    y = net.m4(net.m0(x))
    z = net.m4(net.m0(y))
    z = F.relu(z.add_(y), inplace=True)
    return net.m3(net.m2(z))


def the_input_in_place(net: Any, x: Tensor) -> Tensor:
    x.mul_(2)
    x[:, 0] = 0
    return net.m3(net.m2(net.m0(x)))


def parts(net: Any, x: Tensor) -> Tensor:
    first, second = net.m0(x).chunk(2, dim=1)
    return net.m3(net.m2(torch.cat([net.m4(second), net.m4(first).tanh()], 1)))


def parts_in_place(net: Any, x: Tensor) -> Tensor:
    first, second = net.m0(x).chunk(2, dim=1)
    second.relu_()
    first += second
    return net.m3(net.m2(torch.cat([second, first], 1)))


def identities(net: Any, x: Tensor) -> Tensor:
    y = net.m4(net.m0(net.m4(x)))
    y.relu_()
    return net.m3(net.m2(net.m4(y)))


class Halved(nn.Conv2d):
    """A layer that keeps the second half of its channels."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name of PyTorch's argument
        return super().forward(input).chunk(2, dim=1)[1]


class Blanked(nn.Conv2d):
    """A layer that writes into its own output."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        output = super().forward(input)
        output[:, 0] = 0
        return output


def own_layers(net: Any, x: Tensor) -> Tensor:
    return net.m3(net.m2(torch.cat([net.m4(net.m5(x)), net.m4(x)], 1)))


def data_is_no_op(net: Any, x: Tensor) -> Tensor:
    y = net.m0(x)
    return net.m3(net.m2(net.m1(y.data.relu())))


torch.manual_seed(5)
HALVED, BLANKED = Halved(4, 4, 3, padding=1), Blanked(4, 4, 3, padding=1)


def halved(x: Tensor) -> Tensor:
    return F.conv2d(x, HALVED.weight, HALVED.bias, padding=1)[:, 2:]


def blanked(x: Tensor) -> Tensor:
    return zeroed(F.conv2d(x, BLANKED.weight, BLANKED.bias, padding=1))


CASES = [
    Case(
        "slice write",
        slice_write,
        (A, B, FLAT, FC),
        ended(("m0", A, ("x",)), ("setitem", zeroed, ("m0",)), ("m1", B, ("setitem",))),
    ),
    Case(
        "writes of results",
        write_of_a_result,
        (A, B, FLAT, FC),
        ended(
            ("m0", A, ("x",)),
            ("zeros", torch.zeros_like, ("x",)),
            ("getitem", lambda y: y[:, :2], ("m0",)),
            ("setitem", lambda out, y: put(out, y, 0), ("zeros", "getitem")),
            ("tanh", torch.tanh, ("m0",)),
            ("getitem_2", lambda y: y[:, :2], ("tanh",)),
            ("setitem_2", lambda out, y: put(out, y, 2), ("setitem", "getitem_2")),
            ("m1", B, ("setitem_2",)),
        ),
    ),
    Case(
        "write by a mask",
        write_by_mask,
        (A, B, FLAT, FC),
        ended(
            ("m0", A, ("x",)),
            ("lt", lambda y: y < 0, ("m0",)),
            ("setitem", lambda y, mask: torch.where(mask, 0.5, y), ("m0", "lt")),
            ("m1", B, ("setitem",)),
        ),
    ),
    Case(
        "statements in place",
        statements_in_place,
        (A, B, FLAT, FC),
        ended(
            ("m0", A, ("x",)),
            ("sigmoid", torch.sigmoid, ("m0",)),
            ("relu", torch.relu, ("sigmoid",)),
            ("add", lambda y: y + 1, ("relu",)),
            ("mul", lambda y: y * y, ("add",)),
            ("m1", B, ("mul",)),
            ("add_2", torch.add, ("m1", "mul")),
        ),
    ),
    Case(
        "layers in place, called twice",
        layers_in_place,
        (A, B, FLAT, FC, nn.ReLU(inplace=True)),
        ended(
            ("m0", A, ("x",)),
            ("m4", torch.relu, ("m0",)),
            ("m0_2", A, ("m4",)),
            ("m4_2", torch.relu, ("m0_2",)),
            ("add", torch.add, ("m4_2", "m4")),
            ("relu", torch.relu, ("add",)),
        ),
    ),
    Case(
        "the input in place",
        the_input_in_place,
        (A, B, FLAT, FC),
        ended(("mul", lambda x: 2 * x, ("x",)), ("setitem", zeroed, ("mul",)), ("m0", A, ("setitem",))),
    ),
    Case(
        "parts",
        parts,
        (A, B, FLAT, FC, nn.Identity()),
        ended(
            ("m0", A, ("x",)),
            ("chunk", lambda y: y[:, :2], ("m0",)),
            ("m4", lambda y: y[:, 2:], ("m0",)),
            ("m4_2", nn.Identity(), ("chunk",)),
            ("tanh", torch.tanh, ("m4_2",)),
            ("cat", lambda a, b: torch.cat([a, b], 1), ("m4", "tanh")),
        ),
    ),
    Case(
        "parts in place",
        parts_in_place,
        (A, B, FLAT, FC),
        ended(
            ("m0", A, ("x",)),
            ("chunk", lambda y: y[:, :2], ("m0",)),
            ("relu", lambda y: y[:, 2:].relu(), ("m0",)),
            ("add", torch.add, ("chunk", "relu")),
            ("cat", lambda a, b: torch.cat([a, b], 1), ("relu", "add")),
        ),
    ),
    Case(
        "identities",
        identities,
        (A, B, FLAT, FC, nn.Identity()),
        ended(
            ("m4", nn.Identity(), ("x",)),
            ("m0", A, ("m4",)),
            ("m4_2", nn.Identity(), ("m0",)),
            ("relu", torch.relu, ("m4_2",)),
            ("m4_3", nn.Identity(), ("relu",)),
        ),
    ),
    Case(
        "layers of a person's own",
        own_layers,
        (A, B, FLAT, FC, HALVED, BLANKED),
        ended(
            ("m5", blanked, ("x",)),
            ("m4", halved, ("m5",)),
            ("m4_2", halved, ("x",)),
            ("cat", lambda a, b: torch.cat([a, b], 1), ("m4", "m4_2")),
        ),
    ),
    Case(
        "data is no operation",
        data_is_no_op,
        (A, B, FLAT, FC),
        ended(("m0", A, ("x",)), ("relu", lambda y: y.detach().relu(), ("m0",)), ("m1", B, ("relu",))),
    ),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def traced(case: Case) -> tuple[nn.Module, Trace, Tensor]:
    model = case.build()
    found = trace(model, (4, SIZE, SIZE))
    assert [op.name for op in found.ops] == [name for name, _, _ in case.steps]
    return model, found, torch.randn(2, 4, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def same(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and torch.allclose(found, expected, atol=1e-6)


@each_case
def test_captured_outputs(case: Case) -> None:
    model, of, x = traced(case)
    expected = case.run(x)
    for op, output in zip(of.ops, capture(model, x, of), strict=True):
        assert same(output, expected[op.name]), op.name
    assert torch.equal(x, traced(case)[2])  # what came in stays as it was


@each_case
def test_captured_calls(case: Case) -> None:
    model, of, x = traced(case)
    expected = case.run(x)
    called = [op for op in of.ops if op.call is not None]
    assert called
    for op in called:
        assert same(capture_call(model, x, of, op).output, expected[op.name]), op.name


@each_case
def test_what_a_pass_that_stops_at_an_op_gives(case: Case) -> None:
    model, of, x = traced(case)
    expected = case.run(x)
    for op in of.ops:
        assert same(output_of(model, x, of, op), expected[op.name]), op.name


@each_case
def test_scores_and_their_gradients_by_every_op(case: Case) -> None:
    model, of, x = traced(case)
    plain = case.run(x)
    for op in of.ops:
        scores, output = scores_and_output(model, x, of, op)
        assert same(scores.detach(), plain["m3"]), op.name
        assert same(output.detach(), plain[op.name].to(output.dtype)), op.name
        found = None
        if scores.requires_grad:
            found = torch.autograd.grad(scores[:, 1].sum(), output, allow_unused=True)[0]
        leaf = plain[op.name].detach().clone()
        if not leaf.is_floating_point():
            assert found is None
            continue
        leaf.requires_grad_()
        rest = case.run(x, op.name, leaf)["m3"][:, 1].sum()
        expected = torch.autograd.grad(rest, leaf, allow_unused=True)[0] if rest.requires_grad else None
        assert (found is None) == (expected is None), op.name
        assert found is None or same(found, expected), op.name


@each_case
def test_the_gradient_of_the_scores_by_the_input(case: Case) -> None:
    model, of, x = traced(case)
    x.requires_grad_()
    found, expected = scores_of(model, x, of), case.run(x)["m3"]
    assert same(found, expected)
    assert found.requires_grad == expected.requires_grad
    if found.requires_grad:
        gradients = (torch.autograd.grad(scores[:, 0].sum(), x)[0] for scores in (found, expected))
        assert same(*gradients)
