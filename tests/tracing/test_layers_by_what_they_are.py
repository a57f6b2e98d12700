"""Layers are known by what they are: derived classes, layers with children, functions by all of their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.operations.calls import function_type
from cnnviz.operations.operation import named
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.tracing.edits import edited
from cnnviz.tracing.trace import trace


class Pooling(nn.MaxPool2d):
    pass


class Normalised(nn.Conv2d):
    """A convolution with a child."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.norm = nn.BatchNorm2d(self.out_channels)

    def forward(self, x: Tensor) -> Any:
        return self.norm(super().forward(x))


def test_a_derived_pooling_keeps_its_receptive_field() -> None:
    plain, derived = (
        receptive_fields(trace(nn.Sequential(nn.Conv2d(1, 4, 3), pooling), (1, 9, 9)))
        for pooling in (nn.MaxPool2d(2), Pooling(2))
    )
    assert derived[1] == plain[1]
    assert (derived[1].size, derived[1].known) == ((4, 4), True)


def test_a_layer_with_a_child_keeps_its_parameters_in_a_row() -> None:
    found = trace(nn.Sequential(Normalised(1, 4, 3)), (1, 9, 9))
    assert [(op.name, op.params) for op in found.ops] == [("0.conv2d", 40), ("0.norm", 8)]
    assert found.unexecuted == ()


def test_a_layer_with_a_child_that_is_called_twice_counts_once() -> None:
    layer = Normalised(1, 1, 3)
    found = trace(nn.Sequential(layer, layer), (1, 9, 9))
    assert [(op.params, op.reused) for op in found.ops] == [(10, False), (2, False), (0, True), (0, True)]


@pytest.mark.parametrize(
    ("alias", "usual"),
    [
        (torch.special.expit, torch.sigmoid),
        (torch.special.softmax, torch.softmax),
        (torch.special.log_softmax, torch.log_softmax),
        (torch.special.logsumexp, torch.logsumexp),
        (torch.special.exp2, torch.exp2),
        (torch.linalg.vector_norm, torch.norm),
        (torch.concat, torch.cat),
        (torch.concatenate, torch.cat),
        (torch.row_stack, torch.vstack),
        (torch.split_with_sizes, torch.split),
        (torch.unsafe_chunk, torch.chunk),
        (Tensor.swapdims, torch.transpose),
        (Tensor.clip_, torch.clamp),
        (Tensor.multiply_, torch.mul),
        (Tensor.true_divide, torch.div),
        (torch.special.psi, torch.digamma),
    ],
)
def test_all_names_of_a_function_lead_to_one_entry(
    alias: Callable[..., Any], usual: Callable[..., Any]
) -> None:
    entry = named(function_type(alias))
    assert entry.name
    assert entry.kind == named(function_type(usual)).kind
    assert entry.reach_rule == named(function_type(usual)).reach_rule


@pytest.mark.parametrize(
    ("edits", "shape"),
    [
        ({"0.hidden_size": 7}, (5, 7)),
        ({"0.bidirectional": True}, (5, 8)),
        ({"0.proj_size": 2}, (5, 2)),
        ({"0.num_layers": 3, "0.hidden_size": 6}, (5, 6)),
    ],
)
def test_an_lstm_is_built_with_other_options(edits: dict[str, object], shape: tuple[int, ...]) -> None:
    network = nn.Sequential(nn.LSTM(3, 4, num_layers=2, batch_first=True, bias=False))
    changed = edited(network, edits)
    layer: Any = changed.get_submodule("0")
    assert all(getattr(layer, path[2:]) == value for path, value in edits.items())
    assert (layer.batch_first, layer.bias) == (True, False)
    assert trace(changed, (5, 3)).ops[-1].output_shape == shape


def test_a_gru_has_no_projection() -> None:
    layer = edited(nn.Sequential(nn.GRU(3, 4)), {"0.hidden_size": 6}).get_submodule("0")
    assert layer.hidden_size == 6


class Standardised(nn.Conv2d):
    """Does what its base does, with other weights."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Padded(nn.Conv2d):
    """Does more than its base: its windows lie elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias, self.stride)


def test_a_layer_that_changes_its_weights_alone_is_what_its_base_is() -> None:
    plain = trace(nn.Sequential(nn.Conv2d(3, 4, 5, 2, 1), nn.Conv2d(4, 4, 3)), (3, 32, 32))
    other = trace(nn.Sequential(Standardised(3, 4, 5, 2, 1), nn.Conv2d(4, 4, 3)), (3, 32, 32))
    assert not other.ops[0].own_forward
    assert receptive_fields(other)[1] == receptive_fields(plain)[1]
    assert receptive_fields(other)[0] is not None
    assert trace(nn.Sequential(Padded(3, 4, 5)), (3, 32, 32)).ops[0].own_forward
