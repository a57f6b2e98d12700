"""What happens within one of several networks, as the Draw page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.constant_networks import save_constant


def page() -> None:
    import numpy as np

    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.ui.draw import views
    from cnnviz.ui.draw.choices import Shown
    from cnnviz.ui.inside.weights import of_checkpoint

    ink = np.zeros((1, 28, 28), np.uint8)
    ink[0, 4:24, 13:16] = 255
    views.show(Shown(ink, "A stroke"), [of_checkpoint(found) for found in checkpoints.scan().checkpoints])


def test_another_network_forgets_the_layer_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for digit, key in enumerate(("basic-cnn", "resnet-mini")):
        save_constant(tmp_path, key, digit)
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path))
    app = AppTest.from_function(page, default_timeout=60)
    for name, value in {"view": "value", "inside": "basic-cnn-mnist", "layer": "conv2", "at": "7-7"}.items():
        app.query_params[name] = value
    app.run()
    assert app.selectbox(key="choice-layer").value == "conv2"
    app.selectbox(key="choice-inside").set_value("resnet-mini-mnist").run()
    assert not app.exception
    assert not app.warning
    assert app.query_params == {"view": "value", "inside": "resnet-mini-mnist"}
