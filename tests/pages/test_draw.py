from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.training import checkpoints
from cnnviz.training.observer import TrainingResult
from cnnviz.training.recipe import Recipe
from tests.networks import MINI

OpenPage = Callable[..., AppTest]
KEYS = tuple(network.key for network in MINI)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Checkpoints of networks that always say the digit of their place in the registry."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for digit, key in enumerate(KEYS):
        model = architectures.get(key).build_seeded(1).eval()
        with torch.no_grad():
            model.fc.bias.copy_(torch.nn.functional.one_hot(torch.tensor(digit), 10) * 50.0)
        result = TrainingResult(
            model=model,
            recipe=Recipe.default(key),
            epochs=(),
            steps=1,
            test_accuracy=0.5,
            test_loss=1.0,
            stopped=True,
        )
        checkpoints.save(folder, f"{key}-mnist", result, dataset_digest="0" * 64, run_id="trial")
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    yield folder
    st.cache_resource.clear()


class Canvas:
    """Stands for the canvas in the browser: what is drawn on it comes back from the widget."""

    def __init__(self) -> None:
        self.image = np.zeros((280, 280, 4), np.uint8)
        self.image[..., 3] = 255
        self.keys: list[str] = []

    def draw(self, height: int = 200) -> None:
        self.image[40 : 40 + height, 130:150, :3] = 255

    def __call__(self, **options: object) -> SimpleNamespace:
        self.keys.append(str(options["key"]))
        return SimpleNamespace(image_data=self.image)


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Canvas:
    canvas = Canvas()
    monkeypatch.setitem(sys.modules, "streamlit_drawable_canvas", SimpleNamespace(st_canvas=canvas))
    return canvas


def verdicts(app: AppTest) -> list[str]:
    """The large labels, in the order of the page."""
    bodies = [element.proto.body for element in app.get("html")]
    labels = [re.sub("<[^>]*>", "", body) for body in bodies if "4.5rem" in body]
    return [label for label in labels if not label.startswith("–")]


def plain(app: AppTest) -> str:
    return " ".join(re.sub("<[^>]*>", "", element.proto.body) for element in app.get("html"))


def test_empty_canvas_gets_a_sentence_and_no_prediction(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py")
    assert "The canvas is empty" in app.info[0].value
    assert not any("%" in re.sub("<[^>]*>", "", element.proto.body) for element in app.get("html"))


def test_every_shipped_network_says_what_it_reads(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    canvas.draw()
    app = open_page("pages/draw.py")
    assert verdicts(app) == [str(digit) for digit in range(len(KEYS))]
    assert not app.info
    line = "Read as " + " · ".join(str(digit) for digit in range(len(KEYS)))
    assert line in plain(app)
    assert any("does not mean that it is a digit" in caption.value for caption in app.caption)


@pytest.mark.parametrize(("height", "small"), [(60, True), (80, False)])
def test_a_small_drawing_gets_a_hint(
    open_page: OpenPage, shipped: Path, canvas: Canvas, height: int, small: bool
) -> None:
    canvas.draw(height)
    captions = [caption.value for caption in open_page("pages/draw.py").caption]
    assert any("This drawing is small" in caption for caption in captions) == small


def test_without_a_chosen_network_the_page_asks_for_one(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    app = open_page("pages/draw.py", checkpoint="")
    assert [info.value for info in app.info] == ["Choose a network here, and it reads what you draw."]
    assert "No network is chosen." in plain(app)


def test_chosen_networks_are_kept_in_the_link(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    canvas.draw()
    app = open_page("pages/draw.py")
    app.multiselect(key="choice-checkpoint").set_value(["resnet-mini-mnist"]).run()
    assert verdicts(app) == [str(KEYS.index("resnet-mini"))]
    again = open_page("pages/draw.py", **app.query_params)
    assert verdicts(again) == verdicts(app)


def test_clear_gives_a_fresh_canvas(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    app = open_page("pages/draw.py")
    app.button(key="clear").click().run()
    assert canvas.keys[0] != canvas.keys[-1]


def test_damaged_weights_get_a_sentence_and_the_others_go_on(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    weights = shipped / "inception-mini-mnist.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    canvas.draw()
    app = open_page("pages/draw.py")
    assert len(app.error) == 1
    assert "inception-mini-mnist" in app.error[0].value
    read = [str(KEYS.index("basic-cnn")), str(KEYS.index("resnet-mini"))]
    assert verdicts(app) == read
    assert f"Read as {read[0]} · – · {read[1]}" in plain(app)


def test_damaged_facts_get_a_sentence_and_the_others_go_on(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    (shipped / "basic-cnn-mnist.json").write_text("{")
    canvas.draw()
    app = open_page("pages/draw.py")
    assert "basic-cnn-mnist" in app.warning[0].value
    assert len(verdicts(app)) == len(KEYS) - 1


def test_without_any_network_the_way_to_one_is_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canvas: Canvas
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path))
    canvas.draw()
    app = open_page("pages/draw.py")
    assert "no network that has learned digits" in app.info[0].value
    assert not verdicts(app)


def test_link_with_an_unknown_checkpoint_gets_a_sentence(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", checkpoint="basic-cn-mnist")
    assert "did you mean 'basic-cnn-mnist'" in app.warning[0].value


def test_damaged_drawing_gets_a_sentence(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    canvas.image = np.zeros((5, 5, 4, 2), np.uint8)
    app = open_page("pages/draw.py")
    assert len(app.error) == 1
    assert not verdicts(app)


def test_checkpoint_of_an_unknown_data_set_is_not_offered(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    facts = shipped / "basic-cnn-mnist.json"
    facts.write_text(facts.read_text().replace('"dataset": "mnist"', '"dataset": "letters"'))
    canvas.draw()
    assert len(verdicts(open_page("pages/draw.py"))) == len(KEYS) - 1
