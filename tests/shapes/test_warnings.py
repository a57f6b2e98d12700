"""Warnings: what is said of networks that run and hardly do what is meant, and silence about all others."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.shapes.warnings import floor, warnings
from cnnviz.tracing.trace import trace
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
