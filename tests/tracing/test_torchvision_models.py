from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from cnnviz.models import resolve
from cnnviz.tracing.trace import trace
from tests.networks import TORCHVISION


def test_each_family_has_one_that_is_tested() -> None:
    def families(names: Iterable[str]) -> set[str]:
        return {models.get_model_builder(name).__module__ for name in names}

    assert families(TORCHVISION) == families(models.list_models(module=models))


@pytest.mark.parametrize("name", TORCHVISION)
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
