from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.bounded import COMMON
from tests.pretrained_weights import NAME, offer, weights_file

OpenPage = Callable[..., AppTest]
PAGE = "pages/filters.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield tmp_path / "torch" / "hub" / "checkpoints"
    COMMON.clear()


def test_learned_weights_are_offered_and_shown_in_colour(
    open_page: OpenPage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = weights_file()
    name = offer(monkeypatch, "http://127.0.0.1:9", data)
    app = open_page(PAGE, checkpoint=f"torchvision:{NAME}", untrained="true")
    assert "SqueezeNet 1.1 was trained on the 1.3 million photographs and 1,000 classes" in app.info[0].value
    assert not app.get("plotly_chart")
    app.button(key="download").click().run()
    assert "this machine seems to be offline" in app.error[0].value
    home.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(data)
    app.run()
    assert not app.error
    assert not app.info
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")[:2]]
    assert [figure["layout"]["title"]["text"] for figure in figures] == [
        "SqueezeNet 1.1 · ImageNet: 64 filters of 3 x 3 x 3 in features.0",
        "Untrained, seed 1: 64 filters of 3 x 3 x 3 in features.0",
    ]
    assert figures[0]["data"][0]["type"] == "image"
    assert figures[0]["data"][0]["source"] != figures[1]["data"][0]["source"]


def test_an_unknown_model_of_torchvision_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="torchvision:alexnett")
    assert "alexnet'?" in app.warning[0].value
