"""Warnings: what is said of networks that run and hardly do what is meant, and silence about all others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures import Architecture
from cnnviz.models import traced
from cnnviz.shapes.warnings import floor, warnings
from cnnviz.tracing.trace import trace
from tests.networks import ALL, TORCHVISION, each
from tests.shapes.networks import Calls


def codes(model: nn.Module, *shape: int) -> list[tuple[str, str]]:
    return [(warning.code, warning.name) for warning in warnings(trace(model, shape))]


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_the_floor_is_what_pytorch_computes_of_perfect_probabilities(classes: int) -> None:
    perfect = F.one_hot(torch.tensor([0]), classes).double()
    loss = nn.CrossEntropyLoss()(perfect, torch.tensor([0]))
    assert floor(classes) == pytest.approx(loss.item())
    assert not math.isclose(floor(classes), floor(classes + 1), abs_tol=1e-6)


def test_softmax_before_the_loss_names_the_floor_of_its_classes() -> None:
    [warning] = warnings(trace(nn.Sequential(nn.Linear(16, 10), nn.Softmax(dim=1)), (16,)))
    assert (warning.code, warning.op) == ("softmax-before-loss", 1)
    assert "cannot fall below 1.4612" in str(warning.reason)
    [other] = warnings(trace(Calls(lambda net, x: F.softmax(x, -1)), (3,)))
    assert "below 0.5514" in str(other.reason)


def test_a_softmax_beside_its_scores_is_no_mistake() -> None:
    def both(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
        return {"scores": x * 2, "probabilities": (x * 2).softmax(1)}

    def beside(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = x * 2
        return scores, scores.softmax(1)

    assert codes(Calls(beside), 10) == []
    assert codes(Calls(both), 10) == [("softmax-before-loss", "softmax")]  # of other scores


def test_layers_in_a_list_are_named_with_their_parameters_and_the_mend() -> None:
    model = Calls(lambda net, x: net.layers[1](net.layers[0](x)))
    model.layers = [nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)]
    [warning] = warnings(trace(model, (1, 8, 8)))
    assert str(warning) == (
        "layers is a plain list, so PyTorch does not find the layers in it (Conv2d, Conv2d): 188 parameters are not "
        "registered. They are neither trained, nor saved, nor moved to the GPU, and eval() does not reach them. Use "
        "nn.ModuleList in place of the plain list."
    )


def test_activations_in_a_list_do_no_harm() -> None:
    model = Calls(lambda net, x: net.layers[0](x))
    model.layers = [nn.ReLU()]
    assert codes(model, 4) == []
    model.layers = [nn.Dropout()]  # eval() does not reach it
    assert codes(model, 4) == [("unregistered", "layers")]


def layers(*made: nn.Module) -> tuple[nn.Module, ...]:
    return made


MEAN = torch.tensor([123.7, 116.3, 103.5]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("function", "shape", "made", "found"),
    [
        # the end
        (lambda n, x: n.m0(x).relu(), (4,), layers(nn.Linear(4, 3)), [("relu-at-the-end", "relu")]),
        (lambda n, x: n.m0(x), (4,), layers(nn.Linear(4, 3)), []),
        (lambda n, x: (n.m0(x).relu(), x), (4,), layers(nn.Linear(4, 3)), []),  # features
        (lambda n, x: n.m0(x).relu(), (1, 8, 8), layers(nn.Conv2d(1, 3, 3)), []),  # maps
        (lambda n, x: F.log_softmax(x, 1), (4,), (), [("softmax-before-loss", "log_softmax")]),
        # activations
        (
            lambda n, x: n.m0(x).relu().relu() * 2,
            (4,),
            layers(nn.Linear(4, 3)),
            [("two-activations", "relu_2")],
        ),
        (
            lambda n, x: F.dropout(x.relu(), 0.5, n.training).tanh() * 2,
            (4,),
            (),
            [("two-activations", "tanh")],
        ),
        (lambda n, x: x * torch.tanh(F.softplus(x)), (4,), (), []),  # Mish
        (lambda n, x: (lambda y: y.sigmoid() + y)(x.relu()), (4,), (), []),
        (
            lambda n, x: x.softmax(1).log_softmax(1),
            (4,),
            (),
            [("softmax-before-loss", "log_softmax"), ("two-activations", "log_softmax")],
        ),
        # linear layers
        (
            lambda n, x: n.m1(n.m0(x)),
            (4,),
            layers(nn.Linear(4, 8), nn.Linear(8, 3)),
            [("no-activation", "m1")],
        ),
        (
            lambda n, x: n.m1(n.m2(n.m0(x))),
            (4,),
            layers(nn.Linear(4, 8), nn.Linear(8, 3), nn.BatchNorm1d(8)),
            [("no-activation", "m1")],
        ),
        (lambda n, x: n.m1(n.m0(x)), (4,), layers(nn.Linear(4, 2), nn.Linear(2, 4)), []),  # an autoencoder
        (lambda n, x: n.m1(n.m0(x).relu()), (4,), layers(nn.Linear(4, 8), nn.Linear(8, 3)), []),
        (
            lambda n, x: n.m1(n.m2(n.m0(x))),
            (4,),
            layers(nn.Linear(4, 8), nn.Linear(8, 3), nn.LayerNorm(8)),
            [],
        ),
        # sums
        (
            lambda n, x: n.m0(x) + x,
            (1, 8, 8),
            layers(nn.Conv2d(1, 16, 3, padding=1)),
            [("broadcast-sum", "add")],
        ),
        (lambda n, x: x + x.mean((2, 3), keepdim=True), (4, 8, 8), (), []),  # a context, added to all pixels
        (lambda n, x: x[:, :1] + x, (4,), (), []),  # value and advantage of a dueling network
        (lambda n, x: n.m0(x) + torch.ones(1, 1, 1), (1, 8, 8), layers(nn.Conv2d(1, 4, 3)), []),
        # evaluation
        (lambda n, x: F.dropout(x), (4,), (), [("dropout-in-evaluation", "dropout")]),
        (lambda n, x: F.dropout2d(x, 0.1, n.training), (4, 8, 8), (), []),
        (lambda n, x: nn.Dropout(0.2)(x), (4,), (), [("dropout-in-evaluation", "dropout")]),
        (lambda n, x: F.alpha_dropout(x), (4,), (), []),  # its training is False by default
        (
            lambda n, x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.1),
            (2, 4, 8),
            (),
            [("dropout-in-evaluation", "scaled_dot_product_attention")],
        ),
        (lambda n, x: x.softmax(0) * 2, (4,), (), [("mixed-images", "softmax")]),
        (lambda n, x: F.batch_norm(x, None, None, training=True), (4,), (), [("mixed-images", "batch_norm")]),
        (lambda n, x: x.view(-1, 2), (8,), (), [("mixed-images", "view")]),
        # the input's mean
        (lambda n, x: (x - 127.5) / 127.5, (3, 8, 8), (), [("mean-outside", "sub")]),
        (lambda n, x: (x - MEAN) / 58, (3, 8, 8), (), [("mean-outside", "sub")]),
        (lambda n, x: (x - 0.5) / 0.5, (3, 8, 8), (), []),
        (lambda n, x: n.m0(x) - 127.5, (3, 8, 8), layers(nn.Conv2d(3, 1, 1)), []),
        # layers without use
        (
            lambda n, x: n.m0(x),
            (4,),
            layers(nn.Linear(4, 3), nn.Sequential(nn.Linear(9, 9), nn.ReLU()), nn.Dropout(), nn.Identity()),
            [("unused-layer", "m1"), ("unused-layer", "m2")],
        ),
        (lambda n, x: F.linear(x, n.m0.weight), (4,), layers(nn.Linear(4, 3)), []),
        (lambda n, x: n.m0(x) if n.training else x * 2, (4,), layers(nn.Linear(4, 4)), []),
        (lambda n, x: n.m0(x, x, x)[0], (4, 8), layers(nn.MultiheadAttention(8, 2, batch_first=True)), []),
    ],
)
def test_each_rule_speaks_where_it_is_sure(
    function: Callable[[Any, Tensor], Any],
    shape: tuple[int, ...],
    made: tuple[nn.Module, ...],
    found: list[tuple[str, str]],
) -> None:
    assert codes(Calls(function, *made), *shape) == found


def test_layers_of_repeated_blocks_are_named_together() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.spare = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.fc(x))

    [warning] = warnings(trace(nn.Sequential(Block(), Block(), Block(), nn.Linear(4, 2)), (4,)))
    assert str(warning) == (
        "0.spare (Linear) and 2 more with this name are declared and never used. 30 parameters are counted and saved, "
        "but not trained. Call it in forward, or remove it."
    )


@each(ALL)
def test_the_networks_of_the_registry_have_no_warning(architecture: Architecture) -> None:
    assert warnings(traced(architecture.key, {})) == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_models_have_no_warning(name: str) -> None:
    assert warnings(traced(f"torchvision:{name}", {})) == ()


def test_a_network_that_returns_a_single_number_has_no_classes() -> None:
    assert codes(Calls(lambda net, x: x.mean()), 3, 4, 4) == []


def test_a_dropout_in_a_list_stays_on() -> None:
    model = Calls(lambda net, x: net.drops[0](x))
    model.drops = [nn.Dropout(0.5)]
    [warning] = warnings(trace(model, (8,)))
    assert str(warning) == (
        "drops is a plain list, so PyTorch does not find the layers in it (Dropout). eval() does not reach them: "
        "dropout stays on. Use nn.ModuleList in place of the plain list."
    )


def attends(net: Any, x: Tensor) -> Any:
    return net.m0(x, x, x)[0]


@pytest.mark.parametrize(
    ("layer", "forward"),
    [
        (lambda first: nn.LSTM(8, 8, batch_first=first), lambda net, x: net.m0(x)[0]),
        (lambda first: nn.GRU(8, 8, batch_first=first), lambda net, x: net.m0(x)[0]),
        (lambda first: nn.MultiheadAttention(8, 2, batch_first=first), attends),
    ],
)
def test_a_layer_without_batch_first_mixes_the_images(
    layer: Callable[[bool], nn.Module], forward: Callable[[Any, Tensor], Any]
) -> None:
    images = torch.rand(3, 5, 8)
    for first in (False, True):
        model = Calls(forward, layer(first)).eval()
        alone = torch.allclose(model(images)[-1:], model(images[-1:]), atol=1e-6)
        assert alone is first
        assert ("images-as-steps" in [code for code, _ in codes(model, 5, 8)]) is not first


def test_steps_in_front_are_right_without_batch_first() -> None:
    def turned(net: Any, x: Tensor) -> Tensor:
        out: Tensor = net.m0(x.transpose(0, 1))[0]
        return out.transpose(0, 1)

    assert codes(Calls(turned, nn.GRU(8, 8)), 5, 8) == []


def test_an_output_without_values_is_told() -> None:
    assert codes(nn.ZeroPad2d((-2, -2, 0, 0)), 1, 4, 4) == [("no-values", "zeropad2d")]
