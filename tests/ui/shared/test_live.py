from __future__ import annotations

import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from streamlit.testing.v1 import AppTest

from cnnviz.interpret.inputs import Preparing
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.ui.shared import live


def _app() -> None:
    from pathlib import Path

    import streamlit as st
    from streamlit import runtime

    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.ui.inside.weights import of_checkpoint
    from cnnviz.ui.shared import live

    weights = of_checkpoint(checkpoints.get("basic-cnn-mnist"))
    found = live.address(weights.key, weights.preparing)
    assert found is not None
    served = runtime.get_instance().media_file_mgr.read_file(Path(found.url).stem)
    st.session_state["served"] = served.content


def test_a_network_travels_with_its_plan_and_its_normalisation() -> None:
    app = AppTest.from_function(_app, default_timeout=60).run()
    assert not app.exception
    content = app.session_state["served"]
    model = checkpoints.load_model(checkpoints.get("basic-cnn-mnist"))
    tensors = safetensors.torch.load(content)
    assert set(tensors) == set(model.state_dict())
    for name, values in tensors.items():
        torch.testing.assert_close(values, model.state_dict()[name], rtol=0, atol=0)
    told = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    assert json.loads(told["plan"])["input"] == [1, 28, 28]
    assert (json.loads(told["mean"]), json.loads(told["deviation"])) == ([0.1307], [0.3081])


@pytest.mark.parametrize("change", [{"resize": 32}, {"permutation_seed": 1}])
def test_images_that_only_the_server_can_prepare_are_left_to_it(change: dict[str, int]) -> None:
    key = ("checkpoint", "mlp-mnist", checkpoints.get("mlp-mnist").sha256)
    plain = ImagePreparation((0.1307,), (0.3081,))
    assert live.refusal(key, Preparing(plain, (1, 28, 28))) is None
    assert live.refusal(key, Preparing(replace(plain, **change), (1, 28, 28)))
