from __future__ import annotations

import pytest
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.models import resolve
from cnnviz.tracing.trace import trace


@pytest.mark.parametrize(
    "name",
    "alexnet vgg11_bn vgg16 resnet18 wide_resnet50_2 resnext50_32x4d densenet121 googlenet inception_v3 "
    "squeezenet1_0 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x1_0 mnasnet0_5 efficientnet_b0 "
    "regnet_x_400mf regnet_y_400mf convnext_tiny vit_b_16 swin_t swin_v2_t maxvit_t".split(),
)
def test_pytorch_and_torchinfo_count_the_same(name: str) -> None:
    model, shape = resolve(f"torchvision:{name}", {})
    assert shape is not None
    traced = trace(model, shape)
    assert traced.failure is None
    assert traced.mixing_op is None
    assert traced.total_params == sum(p.numel() for p in model.parameters())
    carried = sum(op.params for op in traced.ops) + sum(entry.params for entry in traced.unexecuted)
    assert carried == traced.total_params
    x = torch.empty(1, *shape, device="meta")
    with FlopCounterMode(display=False) as counter:
        told = torchinfo.summary(model.to("meta"), input_data=[x], verbose=0)
    assert traced.macs * 2 == counter.get_total_flops()
    assert traced.total_params == told.total_params
