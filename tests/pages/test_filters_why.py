from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.filters_page import PAGE, WHY, OpenPage, assert_said, shipped_in, texts, titles


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path) -> Iterator[Path]:
    with shipped_in(tmp_path / "checkpoints") as folder:
        yield folder


def test_four_methods_answer_why(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="inception-mini-mnist", **WHY)
    assert titles(app) == ["Grad-CAM", "Integrated gradients", "Occlusion", "Input gradient"]
    found = re.search(
        r"Total: ([+-]\d+\.\d+); the score changes from \S+ to \S+, by ([+-]\d+\.\d+)", texts(app)
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(float(found[2]), abs=0.1)
    assert app.subheader[0].value.startswith("Inception mini: evidence for ")
    before = texts(app)
    app.selectbox(key="choice-target").set_value("5").run()
    assert app.subheader[0].value == "Inception mini: evidence for 5"
    assert texts(app) != before


def test_grad_cam_at_a_layer_of_one_s_choice(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="resnet-mini-mnist", method="gradcam", untrained="true", **WHY)
    assert app.selectbox(key="choice-cam").value == "rblock2.relu_2"
    before = texts(app)
    app.selectbox(key="choice-cam").set_value("rblock1.add").run()
    assert titles(app) == ["Grad-CAM", "Grad-CAM"]
    assert "rblock1.add" in texts(app)
    assert "12 x 12 positions" in texts(app)
    assert "12 x 12 positions" not in before
    assert "at the centre of its receptive field" in texts(app)


def test_another_network_forgets_the_layer_for_grad_cam(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", method="gradcam", cam="conv1", **WHY)
    assert app.selectbox(key="choice-cam").value == "conv1"
    app.selectbox(key="choice-checkpoint").set_value("inception-mini-mnist").run()
    assert not app.warning
    assert app.selectbox(key="choice-cam").value == "incep2.cat"


def test_trained_and_untrained_weights_are_asked_about_one_class(open_page: OpenPage) -> None:
    for digit in ("4", "7"):
        app = open_page(
            PAGE, checkpoint="basic-cnn-mnist", method="gradient", untrained="true", digit=digit, **WHY
        )
        trained, untrained = (header.value.rpartition(" ")[2] for header in app.subheader)
        assert trained == untrained
        assert f"the class that Basic CNN predicts, {trained}" in texts(app)
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", method="gradient", **WHY)
    assert "Both networks are explained" not in texts(app)


def test_a_network_without_maps_answers_by_the_other_methods(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-mlp", **WHY)
    assert titles(app) == ["Integrated gradients", "Occlusion", "Input gradient"]
    assert not app.error
    app = open_page(PAGE, checkpoint="untrained-mlp", method="gradcam", **WHY)
    assert "MLP has no spatial maps" in app.error[0].value


def test_nonsense_about_why_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(
        PAGE,
        checkpoint="basic-cnn-mnist",
        **WHY,
        target="12",
        method="lime",
        cam="fc",
        steps="7",
        window="99",
    )
    assert_said(
        app,
        "Unknown class '12'",
        "Unknown method 'lime'",
        "Unknown layer 'fc'",
        "Unknown number of steps '7'",
        "it must be an integer from 1 to 14",
    )
    assert len(titles(app)) == 4
