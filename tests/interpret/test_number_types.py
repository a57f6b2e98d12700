"""Networks whose weights are no float32: images come to them in their own type, and what they give is float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.interpret.activations import feature_maps
from cnnviz.interpret.answers import answer
from cnnviz.interpret.attribution import Question, grad_cam, input_gradient, integrated_gradients, occlusion
from cnnviz.interpret.filters import layer_weights
from cnnviz.tracing.trace import trace


@pytest.mark.parametrize(
    ("kind", "error"), [(torch.float64, 1e-6), (torch.float16, 1e-2), (torch.bfloat16, 1e-1)]
)
def test_maps_answers_and_weights_are_those_of_the_same_network_in_float32(
    kind: torch.dtype, error: float
) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    other = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval().to(kind)
    other.load_state_dict(plain.state_dict())
    x, traced = torch.rand(1, 1, 8, 8), trace(other, (1, 8, 8))
    for found, expected in zip(feature_maps(other, x, traced), feature_maps(plain, x, traced), strict=True):
        assert found.values.dtype == np.float32
        assert found.values == pytest.approx(expected.values, abs=error)
    assert answer(other, x, 3) == pytest.approx(answer(plain, x, 3), abs=error)
    black, op = torch.zeros_like(x), traced.ops[1]
    asked = [Question(model, traced, x, black, 1) for model in (other, plain)]
    for method in (
        input_gradient,
        integrated_gradients,
        lambda question: occlusion(question, 2, 2),
        lambda question: grad_cam(question, op),
    ):
        found, expected = map(method, asked)
        assert found.values.dtype == np.float32
        assert found.values == pytest.approx(expected.values, abs=error)
    assert layer_weights(other, traced)[0].values == pytest.approx(
        layer_weights(plain, traced)[0].values, abs=error
    )
