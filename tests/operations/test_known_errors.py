"""What other summaries get wrong: shared, tied, bare and unused weights, attention, hooks and state left behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.models import resolve
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Bare, Calls, Dense, Dictionary, SharedReLU, Thrice, Tied, Unused


@pytest.mark.parametrize(
    ("model", "shape", "truth"),
    [
        (Thrice(), (4,), 20),
        (Tied(), (8,), 64),
        (SharedReLU(), (4,), 120),
        (Bare(), (100,), 1_110),
        (Unused(), (4,), 520),
    ],
)
def test_every_parameter_counts_once(model: nn.Module, shape: tuple[int, ...], truth: int) -> None:
    traced = trace(model, shape)
    carried = sum(op.params for op in traced.ops) + sum(entry.params for entry in traced.unexecuted)
    assert traced.total_params == carried == sum(p.numel() for p in model.parameters()) == truth


def test_a_layer_called_three_times_has_its_parameters_once() -> None:
    traced = trace(Thrice(), (4,))
    assert [(op.name, op.params, op.reused) for op in traced.ops] == [
        ("fc", 20, False),
        ("fc_2", 0, True),
        ("fc_3", 0, True),
    ]
    assert traced.total_params == 20
    assert traced.macs == 3 * 16


def test_tied_weights_count_once() -> None:
    traced = trace(Tied(), (8,))
    assert traced.total_params == 64
    assert [(op.params, op.reused) for op in traced.ops] == [(64, False), (0, True)]


def test_a_module_shared_by_blocks_is_one_op_in_each() -> None:
    relus = [op for op in trace(SharedReLU(), (4,)).ops if op.type == "ReLU"]
    assert [(op.name, op.reused) for op in relus] == [
        ("blocks.0.relu", False),
        ("blocks.0.relu_2", True),
        ("blocks.0.relu_3", True),
    ]


def test_what_is_declared_but_not_executed_is_listed() -> None:
    unused = {entry.name: entry.params for entry in trace(Unused(), (4,)).unexecuted}
    assert unused == {"unused.weight": 495, "unused.bias": 5}
    assert [(entry.name, entry.params) for entry in trace(Bare(), (100,)).unexecuted] == [("scale", 100)]


def test_what_is_used_directly_is_told_from_what_is_never_used() -> None:
    bare, unused = trace(Bare(), (100,)), trace(Unused(), (4,))
    assert {name: bare.ops[index].name for name, index in bare.used_directly.items()} == {"scale": "mul"}
    assert not unused.used_directly
    assert not unused.in_training
    by_another_name = trace(Calls(lambda net, x: x @ net.m0.weight.data, nn.Linear(4, 4, bias=False)), (4,))
    assert by_another_name.used_directly == {"m0.weight": 0}


def test_what_is_used_in_training_only_is_told_apart() -> None:
    def helped(net: Any, x: Tensor) -> Any:
        return (net.m0(x), net.m1(x)) if net.training else net.m0(x)

    layers = nn.Linear(4, 2), nn.Linear(4, 3), nn.Linear(4, 4)
    traced = trace(Calls(helped, *layers), (4,))
    assert traced.in_training == {"m1.weight", "m1.bias"}
    assert [entry.name for entry in traced.unexecuted] == ["m1.weight", "m1.bias", "m2.weight", "m2.bias"]


@pytest.mark.parametrize("name", ["torchvision:googlenet", "torchvision:inception_v3"])
def test_auxiliary_classifiers_of_torchvision(name: str) -> None:
    model, shape = resolve(name, {})
    assert shape is not None
    traced = trace(model, shape)
    assert traced.in_training == {entry.name for entry in traced.unexecuted}
    assert all("aux" in entry.lower() for entry in traced.in_training)
    assert traced.in_training


def test_the_bias_is_no_multiply_add() -> None:
    assert trace(nn.Conv2d(1, 10, 5), (1, 28, 28)).macs == 144_000


def test_keyword_calls_and_dictionaries() -> None:
    traced = trace(Dictionary(), (4,))
    assert [op.name for op in traced.ops] == ["branch.fc", "branch.fc_2", "branch.fc_3", "relu"]


def test_a_submodule_that_gets_a_list() -> None:
    traced = trace(Dense(), (3, 6, 6))
    assert traced.op("second.cat").inputs == (-1, traced.op("first.conv").index)
    assert traced.ops[-1].output_shape == (7, 6, 6)


def test_densenet_121() -> None:
    model, shape = resolve("torchvision:densenet121", {})
    assert shape is not None
    assert trace(model, shape).total_params == 7_978_856
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_attention_is_one_op_with_its_macs() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    traced = trace(layer, (5, 16))
    projections, scores_and_values = 5 * 16 * 16 * 4, 2 * 5 * 5 * 16
    assert traced.op("self_attn").params == sum(p.numel() for p in layer.self_attn.parameters())
    assert traced.op("self_attn").macs == projections + scores_and_values
    # On the CPU the counter does not see into fused attention; on the meta device it does.
    with FlopCounterMode(display=False) as counter:
        layer.to("meta")(torch.zeros(1, 5, 16, device="meta"))
    assert traced.macs * 2 == counter.get_total_flops()


def test_nothing_of_the_model_or_the_process_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout()).train()
    called = []
    model.register_forward_hook(lambda *_: called.append(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    trace(model, (1, 8, 8))
    assert trace(model, (2, 8, 8)).failure is not None  # two channels where one is expected
    assert torch.equal(torch.get_rng_state(), rng)
    assert model.training
    assert not called
    assert len(model._forward_hooks) == 1
    assert all(not m._forward_hooks and not m._forward_pre_hooks and "forward" not in vars(m) for m in model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.device.type == "cpu" for p in model.parameters())
