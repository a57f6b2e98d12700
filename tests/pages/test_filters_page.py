from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cnnviz import architectures, datasets
from cnnviz.shapes.trace import trace
from cnnviz.training import checkpoints
from cnnviz.training.observer import TrainingResult
from cnnviz.training.recipe import Recipe
from tests.networks import MINI

OpenPage = Callable[..., AppTest]
PAGE = "pages/filters.py"
KEYS = tuple(network.key for network in MINI)


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkpoint of each network, with the weights of another seed than its recipe's."""
    folder = tmp_path / "checkpoints"
    for key in KEYS:
        result = TrainingResult(
            model=architectures.get(key).build_seeded(99).eval(),
            recipe=Recipe.default(key),
            epochs=(),
            steps=1,
            test_accuracy=0.5,
            test_loss=1.0,
            stopped=False,
        )
        checkpoints.save(folder, f"{key}-mnist", result, dataset_digest="0" * 64, run_id="trial")
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    yield folder
    st.cache_resource.clear()
    st.cache_data.clear()


def markup(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def cards(app: AppTest) -> list[str]:
    """Name, type and shape on every card, in order."""
    found = re.findall(r"<b>([^<]*)</b> <span[^>]*>([^<]*) · ([^<]*)</span></figcaption>", markup(app))
    return [" ".join(parts) for parts in found]


def titles(app: AppTest) -> list[str]:
    return [json.loads(chart.proto.spec)["layout"]["title"]["text"] for chart in app.get("plotly_chart")]


def texts(app: AppTest) -> str:
    return " ".join(
        element.value for group in (app.markdown, app.caption, app.warning, app.error) for element in group
    )


@pytest.mark.parametrize("key", KEYS)
def test_every_op_has_a_card_with_its_shape(open_page: OpenPage, key: str) -> None:
    app = open_page(PAGE, checkpoint=f"{key}-mnist")
    architecture = architectures.get(key)
    traced = trace(architecture.build(), architecture.input_shape)
    assert cards(app) == [f"{op.name} {op.type} {' x '.join(map(str, op.output_shape))}" for op in traced.ops]
    assert markup(app).count("data:image/png;base64,") == len(traced.ops)
    assert "filters of 1 x 5 x 5 in conv1" in titles(app)[0]


def test_untrained_weights_stand_beside_the_trained_ones(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    assert len(titles(app)) == 2  # filters and the closer look
    app.toggle(key="untrained").set_value(True).run()
    assert titles(app)[:2] == [
        "Basic CNN: 10 filters of 1 x 5 x 5 in conv1",
        "Untrained, seed 1: 10 filters of 1 x 5 x 5 in conv1",
    ]
    trained, untrained = (json.loads(chart.proto.spec)["data"][0] for chart in app.get("plotly_chart")[:2])
    assert trained["z"] != untrained["z"]
    assert trained["zmax"] == untrained["zmax"]
    assert markup(app).count("data:image/png;base64,") == 2 * 8
    scales = [float(scale) for scale in re.findall(r"one scale for both: ±([^<]*)<", markup(app))]
    ends = [float(end) for end in re.findall(r"values up to ±([^ <]*)", markup(app))]
    assert scales == [max(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    assert len(scales) == 8
    assert "Both have the same colour scale" in texts(app)


def test_untrained_weights_alone(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-resnet-mini")
    assert titles(app)[0].startswith("Untrained, seed 1: 16 filters")
    assert "drawn at random" in texts(app)
    assert not app.toggle


def test_class_and_next_choose_the_digit(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    labels = datasets.load("mnist-sample").test_labels
    threes = (labels == 3).nonzero().flatten().tolist()
    assert app.pills[0].value == "all"
    assert f"Image 1 of 1,000, label {labels[0]}" in texts(app)
    app.pills[0].set_value("3").run()
    assert f"Image 1 of {len(threes)} with label 3" in texts(app)
    before = markup(app)
    app.button(key="next").click().run()
    assert f"Image 2 of {len(threes)} with label 3" in texts(app)
    assert markup(app) != before
    app.number_input(key="image").set_value(100).run()
    app.button(key="next").click().run()
    assert f"Image 1 of {len(threes)} with label 3" in texts(app)  # round again
    app.pills[0].set_value("7").run()
    assert "label 7" in texts(app)


def test_a_link_reopens_the_view(open_page: OpenPage) -> None:
    app = open_page(
        PAGE, checkpoint="resnet-mini-mnist", untrained="true", digit="4", image="12", op="rblock1.add"
    )
    assert "label 4" in texts(app)
    assert app.number_input(key="image").value == 12
    assert titles(app)[-1] == "ResNet mini: rblock1.add, 16 x 12 x 12"
    assert len(titles(app)) == 3


def test_a_wrong_link_gets_sentences_and_the_defaults(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cn-mnist", digit="x", image="5000", op="conv9", dataset="mnits")
    said = [warning.value for warning in app.warning]
    assert any("did you mean 'basic-cnn-mnist'" in text for text in said)
    assert any("no class 'x'" in text for text in said)
    assert any(
        "The link says image=5000, which cannot be used: allowed is a whole number from 1 to 1,000" in text
        for text in said
    )
    assert any("did you mean 'conv" in text for text in said)
    assert any("did you mean 'mnist'" in text for text in said)
    assert "Image 1 of 1,000, label" in texts(app)
    assert len(cards(app)) == 8


def test_a_damaged_checkpoint_is_explained_and_the_others_work(open_page: OpenPage, shipped: Path) -> None:
    (shipped / "resnet-mini-mnist.safetensors").write_bytes(b"x")
    app = open_page(PAGE, checkpoint="resnet-mini-mnist")
    assert "SHA-256" in app.error[0].value
    app.selectbox(key="choice-checkpoint").set_value("basic-cnn-mnist").run()
    assert not app.error
    assert len(cards(app)) == 8


def test_images_seen_in_training_are_no_test(open_page: OpenPage) -> None:
    assert "training set of MNIST" in texts(open_page(PAGE, checkpoint="basic-cnn-mnist"))


def test_missing_data_is_explained_and_the_filters_are_there(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "nothing"))
    app = open_page(PAGE, dataset="mnist")
    assert "CNNVIZ_DATA_DIR" in app.error[0].value
    assert "filters of" in titles(app)[0]


def test_without_checkpoints_untrained_networks_are_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path / "none"))
    assert titles(open_page(PAGE))[0].startswith("Untrained")
