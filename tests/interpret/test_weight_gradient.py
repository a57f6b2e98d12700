"""A weight's gradient by hand is the one that PyTorch's own backward pass gives, of any layer of any network."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.interpret.weight_gradient import (
    ChannelGradients,
    Place,
    can_be_differentiated,
    channel_gradients,
    largest,
    loss_with,
    stepped,
    weight_gradient,
)
from cnnviz.tracing.trace import trace
from tests.networks import CHEAP, each

SMALL = st.integers(1, 3)
LABEL = 1
ROUNDING = 2e-6  # of the sum of the absolute contributions


def with_scores(layer: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """A network of three classes that begins with ``layer``; what follows works on its output in place."""
    torch.manual_seed(5)
    with torch.no_grad():
        size = layer.eval()(torch.zeros(1, *shape)).numel()
    return nn.Sequential(layer, nn.LeakyReLU(inplace=True), nn.Flatten(), nn.Linear(size, 3)).eval()


def image(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(3))


def backward(model: nn.Module, x: Tensor) -> nn.Module:
    """A copy after PyTorch's backward pass."""
    other = copy.deepcopy(model).requires_grad_()
    F.cross_entropy(other(x), torch.tensor([LABEL])).backward()  # type: ignore[no-untyped-call]
    return other


def gradients_of(model: nn.Module, shape: tuple[int, ...], name: str, channel: int = 0) -> ChannelGradients:
    traced = trace(model, shape)
    return channel_gradients(model, image(shape), traced, traced.op(name), LABEL, channel)


def check(found: ChannelGradients, place: Place | None, wanted: float) -> None:
    by_hand = weight_gradient(found, place)
    allowed = ROUNDING * by_hand.size + 1e-12
    assert by_hand.gradient == pytest.approx(wanted, abs=allowed, rel=0)
    assert by_hand.computed == pytest.approx(wanted, abs=allowed, rel=0)


def check_layer(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """Every weight of every output channel, and the biases."""
    model = with_scores(layer, shape)
    gradient, bias = (getattr(backward(model, image(shape))[0], name) for name in ("weight", "bias"))  # type: ignore[index]
    wanted = gradient.grad
    if isinstance(
        layer, (nn.ConvTranspose1d, nn.ConvTranspose2d)
    ):  # (in, out / groups, ...): in each group apart
        wanted = torch.cat([part.transpose(0, 1) for part in wanted.chunk(layer.groups)])
    for channel in range(len(wanted)):
        found = gradients_of(model, shape, "0", channel)
        rows = wanted[channel].reshape(found.weights.shape)
        for place in np.ndindex(found.weights.shape):
            check(found, place, float(rows[place]))
        if bias is not None:
            check(found, None, float(bias.grad[channel]))
        else:
            assert found.bias is None


@settings(max_examples=15, deadline=None)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(SMALL, SMALL),
    stride=st.tuples(SMALL, SMALL),
    dilation=st.tuples(SMALL, SMALL),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    groups=st.integers(1, 2),
    bias=st.booleans(),
)
def test_convolutions(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int],
    groups: int,
    bias: bool,
) -> None:
    assume(all(size[i] + 2 * padding[i] > dilation[i] * (kernel[i] - 1) for i in (0, 1)))
    conv = nn.Conv2d(2 * groups, groups, kernel, stride, padding, dilation, groups=groups, bias=bias)
    check_layer(conv, (2 * groups, *size))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(2, 3, 3, stride=2, padding=2, dilation=2), (2, 9)),
        (nn.Conv2d(1, 2, 3, padding="same", padding_mode="circular"), (1, 4, 5)),
        (nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, groups=2), (4, 3, 4)),
        (nn.ConvTranspose1d(2, 3, 3, stride=2), (2, 5)),
        (nn.Linear(5, 3), (5,)),
        (nn.Linear(4, 2), (3, 4)),
        (nn.BatchNorm2d(3), (3, 4, 2)),
        (nn.BatchNorm1d(4), (4,)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_other_layers(layer: nn.Module, shape: tuple[int, ...]) -> None:
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        assert layer.running_mean is not None
        nn.init.normal_(layer.running_mean)
        nn.init.normal_(layer.weight)
    check_layer(layer, shape)


@each([network for network in CHEAP if network.group == "network"])
def test_layers_of_every_small_network(architecture: Architecture) -> None:
    model = architecture.build_seeded(2).eval().requires_grad_(False)
    shape = architecture.input_shape
    traced, x = trace(model, shape), image(architecture.input_shape)
    real = backward(model, x)
    generator = np.random.default_rng(4)
    shown = [op for op in traced.ops if can_be_differentiated(op)]
    assert {op.kind for op in traced.ops if op.kind in ("convolution", "linear")} <= {op.kind for op in shown}
    for op in [
        shown[0],
        *generator.choice(np.array(shown[1:], object), min(3, len(shown) - 1), replace=False),
    ]:
        wanted = real.get_submodule(op.module).weight.grad
        channel = int(generator.integers(len(wanted)))
        found = channel_gradients(model, x, traced, op, LABEL, channel)
        rows = wanted[channel].reshape(found.weights.shape)
        for place in generator.integers(found.weights.shape, size=(5, 3)).tolist():
            check(found, (place[0], place[1], place[2]), float(rows[tuple(place)]))
        assert not found.elsewhere
    assert all(weights.grad is None and not weights.requires_grad for weights in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


class Twice(nn.Module):
    """A layer that is called twice, and one that shares its weights, with a bias of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.b(torch.tanh(self.a(torch.tanh(self.a(x))))))


def test_each_use_of_a_weight_contributes() -> None:
    torch.manual_seed(2)
    model = Twice().eval()
    real = backward(model, image((4,)))
    found = gradients_of(model, (4,), "a", 2)
    assert [use.layer.op.name for use in found.uses] == ["a", "a_2", "b"]
    check(found, (1, 0, 0), float(real.a.weight.grad[2, 1]))
    check(found, None, float(real.a.bias.grad[2]))
    assert len(weight_gradient(found, None).parts) == 2  # b has a bias of its own
    check(gradients_of(model, (4,), "b", 2), None, float(real.b.bias.grad[2]))


class Turned(nn.Module):
    """A decoder with the encoder's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(F.linear(self.a(x), self.a.weight.t()))


def test_a_weight_that_is_read_in_another_form_says_so() -> None:
    assert gradients_of(Turned().eval(), (4,), "a").elsewhere
    assert not gradients_of(Twice().eval(), (4,), "a").elsewhere


@pytest.mark.parametrize("place", [(0, 1, 2), None])
def test_the_step_is_that_of_sgd_and_its_loss_is_real(place: Place | None) -> None:
    model = with_scores(nn.ConvTranspose2d(2, 2, 3, groups=2), (2, 4, 4))
    found, shape = gradients_of(model, (2, 4, 4), "0", 1), (2, 4, 4)
    before = copy.deepcopy(model.state_dict())
    other = copy.deepcopy(model)
    weights = other[0].bias if place is None else other[0].weight  # type: ignore[index]
    index = (1,) if place is None else (1, 0, 1, 2)
    optimizer = torch.optim.SGD([weights], lr=0.5)
    F.cross_entropy(other(image(shape)), torch.tensor([LABEL])).backward()  # type: ignore[no-untyped-call]
    alone = torch.zeros_like(weights)
    alone[index] = weights.grad[index]
    weights.grad = alone
    optimizer.step()
    other.requires_grad_(False)

    new = stepped(weight_gradient(found, place), 0.5)
    assert new == pytest.approx(float(weights[index]), rel=1e-6)
    traced = trace(model, shape)
    loss = loss_with(model, image(shape), traced, traced.op("0"), LABEL, found.at(place), new)
    assert loss == pytest.approx(float(F.cross_entropy(other(image(shape)), torch.tensor([LABEL]))), rel=1e-5)
    assert loss < found.loss
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_largest_come_first_and_padding_contributes_nothing() -> None:
    model = with_scores(nn.Conv2d(1, 1, 3, padding=1), (1, 4, 4))
    corner = weight_gradient(gradients_of(model, (1, 4, 4), "0"), (0, 0, 0))
    assert corner.count == 9  # of 16 places: not in the first row, nor in the first column
    terms = largest(corner, 20)
    assert len(terms) == 9
    assert sum(term.product for term in terms) == pytest.approx(corner.gradient)
    assert [abs(term.product) for term in terms] == sorted(
        (abs(term.product) for term in terms), reverse=True
    )
    assert all(term.product == pytest.approx(term.gradient * term.value) for term in terms)


def test_the_strongest_channel_is_the_one_where_most_gradient_arrives() -> None:
    model = with_scores(nn.Conv2d(1, 4, 3), (1, 5, 5))
    last = model[3]  # type: ignore[index]
    with torch.no_grad():
        last.weight[:, : 2 * 9] = 0  # nothing follows from the first two channels
        last.weight[:, 3 * 9 :] *= 9
    assert gradients_of(model, (1, 5, 5), "0", 1).strongest == 3
    assert not weight_gradient(gradients_of(model, (1, 5, 5), "0", 1), (0, 0, 0)).gradient


def test_what_has_no_weights_or_no_classes_gets_a_sentence() -> None:
    model = with_scores(nn.Conv2d(1, 1, 3), (1, 4, 4))
    with pytest.raises(CnnvizError, match="Cannot show the calculation"):
        gradients_of(model, (1, 4, 4), "1")
    with pytest.raises(CnnvizError, match="no class to explain"):
        gradients_of(nn.Conv2d(1, 1, 3).eval(), (1, 4, 4), trace(nn.Conv2d(1, 1, 3), (1, 4, 4)).ops[0].name)
