from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import torchinfo
from torch import Tensor, nn
from torchinfo import torchinfo as implementation

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.models import resolve
from cnnviz.shapes.torchinfo_report import TorchinfoReport, report
from cnnviz.tracing.trace import trace
from tests.shapes.networks import (
    Bare,
    Calls,
    Dense,
    NeedsData,
    SelfAttention,
    SharedReLU,
    Thrice,
    Tied,
    Unused,
)


def reasons(found: TorchinfoReport) -> list[str]:
    return [str(difference.reason) for difference in found.differences]


def differences_add_up(model: nn.Module, shape: tuple[int, ...]) -> TorchinfoReport:
    found, traced = report(model, shape), trace(model, shape)
    assert sum(d.params for d in found.differences) == found.total_params - traced.total_params
    assert sum(d.macs for d in found.differences) == found.macs - traced.macs
    return found


@pytest.mark.parametrize("architecture", architectures.registered(), ids=lambda a: a.key)
def test_only_biases_and_normalisation_differ_in_the_registered_networks(architecture: Architecture) -> None:
    model, shape = resolve(architecture.key, {})
    assert shape is not None
    found = differences_add_up(model, shape)
    assert found.total_params == trace(model, shape).total_params
    assert all("adding the bias" in reason or "normalisation" in reason for reason in reasons(found))


@pytest.mark.parametrize("name", "vit_b_16 swin_t convnext_tiny mobilenet_v3_small".split())
def test_differences_add_up_for_torchvisions_models(name: str) -> None:
    model, shape = resolve(f"torchvision:{name}", {})
    assert shape is not None
    assert differences_add_up(model, shape).differences


def test_the_text_is_what_torchinfo_prints() -> None:
    model = architectures.get("inception-mini").build()
    expected = torchinfo.summary(
        model, (1, 1, 28, 28), device="cpu", verbose=0, col_names=("output_size", "num_params", "mult_adds")
    )
    found = report(model, (1, 28, 28))
    assert found.text == str(expected)
    assert (found.total_params, found.macs) == (expected.total_params, expected.total_mult_adds)
    assert "Conv2d: 2-1" not in report(model, (1, 28, 28), depth=1).text


def test_the_bias_of_a_convolution() -> None:
    found = report(nn.Sequential(nn.Conv2d(1, 10, 5)), (1, 28, 28))
    assert found.macs == 149_760  # the truth is 144,000
    assert [(d.params, d.macs) for d in found.differences] == [(0, 5_760)]
    assert reasons(found) == ["torchinfo counts adding the bias as a multiply-add (0)."]


@pytest.mark.parametrize(
    ("model", "shape", "params", "macs", "reason"),
    [
        (Tied(), (8,), 64, 0, "shared weights in every layer that uses them (b)"),
        (SharedReLU(), (4,), 40, 24, "module used in several places (blocks.0.relu)"),
        (nn.BatchNorm2d(3), (3, 4, 4), 0, 6, "a normalisation's scale and shift"),
        (nn.Linear(4, 2, bias=False), (5, 4), 0, 8 - 40, "however often it is applied"),
        (nn.ConvTranspose2d(2, 3, 2, 2, bias=False), (2, 4, 4), 0, 24 * 64 - 24 * 16, "by its output size"),
        (SelfAttention(), (5, 8), 0, -4 * 5 * 8 * 8 - 2 * 5 * 5 * 8, "only modules without submodules"),
        (Calls(lambda net, x: x @ x.mT, nn.ReLU()), (3, 5), 0, -45, "sees only modules, not functions"),
        (nn.PReLU(), (4,), 0, 1, "differently"),
    ],
)
def test_reasons(model: nn.Module, shape: tuple[int, ...], params: int, macs: int, reason: str) -> None:
    found = differences_add_up(model, shape)
    assert sum(d.params for d in found.differences) == params
    assert sum(d.macs for d in found.differences) == macs
    assert any(reason in text for text in reasons(found))


@pytest.mark.parametrize(
    ("model", "shape"), [(Thrice(), (4,)), (Bare(), (100,)), (Unused(), (4,)), (Dense(), (3, 6, 6))]
)
def test_parameters_that_torchinfo_counts_well(model: nn.Module, shape: tuple[int, ...]) -> None:
    found = differences_add_up(model, shape)
    assert found.total_params == sum(p.numel() for p in model.parameters())


def test_a_forward_that_needs_data() -> None:
    assert differences_add_up(NeedsData(), (4,)).total_params == 10


@dataclass
class Answer:
    """An output that torchinfo does not take apart."""

    values: Tensor


def test_what_torchinfo_raises_on_is_a_sentence() -> None:
    with pytest.raises(CnnvizError, match=r"fails: .* expects 3 channels"):
        report(nn.Sequential(nn.Conv2d(3, 2, 1)), (4, 6, 6))
    with pytest.raises(
        CnnvizError, match=r"fails: .* returns a value of type object that contains no tensor"
    ):
        report(Calls(lambda net, x: object(), nn.ReLU()), (4,))
    with pytest.raises(CnnvizError, match=r"it raises: .*unsupported input or output type"):
        report(Calls(lambda net, x: Answer(net.m0(x)), nn.ReLU()), (4,))
    with pytest.raises(UsageError, match="must consist of integers from 1"):
        report(nn.ReLU(), (0, 3))


def test_nothing_of_the_model_or_the_process_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    report(model, (1, 8, 8))
    with pytest.raises(CnnvizError):
        report(model, (2, 8, 8))
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(module.training for module in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not implementation._cached_forward_pass
