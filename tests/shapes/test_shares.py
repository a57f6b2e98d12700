from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnviz.architectures import Architecture
from cnnviz.models import resolve
from cnnviz.shapes.shares import by_kind, largest, shares
from cnnviz.tracing.trace import Trace, trace
from tests.networks import ALL, each, on_meta


def traced(name: str) -> Trace:
    model, shape = resolve(name, {})
    assert shape is not None
    return trace(model, shape)


@each(ALL)
def test_shares_and_kinds_add_up_to_the_totals(architecture: Architecture) -> None:
    found = trace(on_meta(architecture), architecture.input_shape)
    for most in (1000, 20, 1):
        parts = shares(found, most)
        assert sum(share.total("params") for share in parts) == found.total_params
        assert sum(share.total("macs") for share in parts) == found.macs
    counts = by_kind(found).values()
    assert sum(count for count, _params, _macs in counts) == len(found.ops)
    assert sum(macs for _count, _params, macs in counts) == found.macs


def test_each_layer_by_itself_where_they_are_few() -> None:
    parts = shares(traced("alexnet"), 20)
    assert [share.path for share in parts] == [
        "conv1",
        "conv2",
        "conv3",
        "conv4",
        "conv5",
        "fc1",
        "fc2",
        "fc3",
    ]
    assert max(parts, key=lambda share: share.total("params")).params == {"linear": 26_218_496}


def test_many_layers_are_summed_by_container() -> None:
    parts = shares(traced("torchvision:resnet152"), 20)
    assert [share.path for share in parts] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
    assert set(parts[2].params) == {"convolution", "normalisation"}


def test_what_is_not_the_largest_is_summed() -> None:
    parts = shares(traced("alexnet"), 20)
    kept, rest = largest(parts, "params", 2)
    assert [share.path for share in kept] == ["fc1", "fc2"]
    assert rest == 46_764_746 - 26_218_496 - 16_781_312
    assert largest(parts, "params", 100)[1] == 0


def test_parameters_that_a_function_is_given_are_of_its_kind() -> None:
    found = traced("torchvision:swin_t")
    unfolded = {share.path: share.params for share in shares(found, 1000)}
    assert unfolded["features.1.0.attn.qkv.weight"] == {"linear": 3 * 96 * 96}
    assert unfolded["features.1.0.attn.relative_position_bias_table"] == {"merge": 169 * 3}
    blocks = shares(found, 20)
    assert len(blocks) <= 20
    assert not any("other" in share.params for share in blocks)
    assert sum(share.total("params") for share in blocks) == found.total_params
    assert by_kind(found)["linear"][1] == sum(share.params.get("linear", 0) for share in blocks)


def test_parameters_that_no_layer_uses_have_a_share() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(4, 2)
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.used(x)
            return y

    assert [(share.path, share.total("params")) for share in shares(trace(Unused(), (4,)), 20)] == [
        ("used", 10),
        ("scale", 3),
    ]
