from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnviz import architectures
from tests.pages.filters_page import (
    EXCITE,
    LAYER,
    PAGE,
    OpenPage,
    assert_said,
    markup,
    save,
    shipped_in,
    texts,
    tiles,
    titles,
    values,
)


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path) -> Iterator[Path]:
    with shipped_in(tmp_path / "checkpoints") as folder:
        yield folder


def test_all_maps_of_a_layer_and_one_enlarged(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", map="3", **LAYER)
    shown = tiles(app)
    assert [tile["number"] for tile in shown["tiles"]] == list(range(20))
    assert shown["chosen"] == 3
    assert titles(app) == ["conv2, map 3"]
    assert len(app.dataframe[0].value) == 20
    assert "conv2, 20 rows (scroll)" in texts(app)
    app.selectbox(key="choice-scale").set_value("own").run()
    assert "Each map has its own colour scale" in texts(app)
    app.selectbox(key="choice-layer").set_value("fc").run()  # no maps, but ten values
    assert not app.warning
    assert titles(app) == ["Basic CNN: fc, 10"]


def test_every_view_takes_over_the_layer(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", dataset="mnist-sample", images="100")
    app.selectbox(key="choice-layer").set_value("conv2").run()
    for view in ("layer", "excite", "value", "filters"):
        app.segmented_control(key="choice-view").set_value(view).run()
        assert app.selectbox(key="choice-layer").label == "Layer"
        assert app.selectbox(key="choice-layer").value == "conv2", view
    app.segmented_control(key="choice-view").set_value("layer").run()
    app.selectbox(key="choice-layer").set_value("relu").run()
    app.segmented_control(key="choice-view").set_value("filters").run()  # a ReLU has no filters
    assert app.selectbox(key="choice-layer").value == "conv1"
    assert not app.warning
    app.segmented_control(key="choice-view").set_value("excite").run()
    assert app.selectbox(key="choice-layer").value == "relu"


def test_before_and_after_the_activation_stand_below_each_other(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="relu", both="true", **LAYER)
    assert titles(app) == ["pooling, map 0", "relu, map 0"]
    before, after = (np.asarray(values(app, place)) for place in (0, 1))
    assert before.min() < 0
    assert np.array_equal(after, np.maximum(before, 0))
    app.toggle(key="both").set_value(False).run()
    assert titles(app) == ["relu, map 0"]


def test_dead_maps_are_marked(open_page: OpenPage, shipped: Path) -> None:
    model = architectures.get("basic-cnn").build_seeded(99).eval()
    with torch.no_grad():
        model.conv1.weight[4] = 0
        model.conv1.bias[4] = -1
    save(shipped, "basic-cnn", model)
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="relu", **LAYER)
    assert [tile["number"] for tile in tiles(app)["tiles"] if tile["dead"]] == [4]
    assert "1 of 10 are dead for this image" in texts(app)
    assert list(app.dataframe[0].value["Dead"]) == ["yes" if number == 4 else "no" for number in range(10)]


def test_very_many_maps_come_in_pages_the_strongest_first(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="inception-mini-mnist", layer="incep1.cat", **LAYER)
    first = tiles(app)
    assert len(first["tiles"]) == 64
    assert first["chosen"] == first["tiles"][0]["number"]
    app.number_input(key="part").set_value(2).run()
    second = tiles(app)
    assert len(second["tiles"]) == 24
    numbers = [tile["number"] for tile in first["tiles"] + second["tiles"]]
    assert sorted(numbers) == list(range(88))
    app.selectbox(key="choice-sort").set_value("channel").run()
    assert [tile["number"] for tile in tiles(app)["tiles"]] == list(range(64))


def test_nonsense_about_a_layer_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(
        PAGE,
        checkpoint="basic-cnn-mnist",
        **LAYER,
        layer="rblock1.add",
        map="10",
        scale="log",
        sort="size",
        source="camera",
    )
    assert_said(
        app,
        "Unknown layer 'rblock1.add'",
        "it must be an integer from 0 to 9",
        "Unknown colour scale 'log'",
        "Unknown order 'size'",
        "Unknown source 'camera'",
    )
    assert len(tiles(app)["tiles"]) == 10
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", **LAYER, layer="relu", both="maybe")
    assert_said(app, "both=maybe in the link cannot be used")


def test_every_map_has_its_patch_and_one_its_nine_images(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", map="3", **EXCITE)
    patches = tiles(app)
    assert len(patches["tiles"]) == 20
    assert patches["chosen"] == 3
    assert len({tile["png"] for tile in patches["tiles"]}) > 5
    assert "among 100 test images of MNIST sample" in texts(app)
    assert "100 of 1,000 images, evenly spread" in texts(app)
    assert "network of this size" not in texts(app)  # a small one, and nobody but the link wanted so few
    assert "receptive field, 14 x 14 input pixels" in texts(app)
    assert app.subheader[0].value == "Basic CNN: the 9 images that activate map 3 of conv2 most strongly"
    assert markup(app).count("<figure") == 9
    (under,) = re.findall(r"<figcaption[^>]*>([^<]*)<", markup(app))[:1]
    assert f"the image's true class, such as {under}" in texts(app)
    frames = re.findall(
        r'class="cnnviz-frame" style="[^"]*height:([\d.]+)%;--cnnviz-width:([\d.]+)%"', markup(app)
    )
    assert len(frames) == 9
    assert all(0 < float(side) <= 50 for frame in frames for side in frame)  # 14 of 28, or less at the edge
    before = markup(app)
    app.number_input(key="map").set_value(4).run()
    assert markup(app) != before


def test_what_excites_trained_and_untrained_maps(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="fc", untrained="true", **EXCITE)
    assert [header.value.partition(":")[0] for header in app.subheader] == ["Basic CNN", "Untrained, seed 1"]
    assert markup(app).count("<figure") == 18
    assert len(tiles(app)["tiles"]) == 10


def test_a_map_that_is_never_above_zero_is_dead(open_page: OpenPage, shipped: Path) -> None:
    model = architectures.get("basic-cnn").build_seeded(99).eval()
    with torch.no_grad():
        model.conv1.weight[4] = 0
        model.conv1.bias[4] = -1
    save(shipped, "basic-cnn", model)
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="relu", **EXCITE)
    assert [tile["number"] for tile in tiles(app)["tiles"] if tile["dead"]] == [4]
    assert "1 of 10 maps are never positive" in texts(app)


def test_nonsense_about_what_excites_a_map_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="mlp-mnist", **{**EXCITE, "images": "12"}, layer="conv1", map="-1")
    assert_said(
        app,
        "Unknown checkpoint 'mlp-mnist'",
        "Unknown number of images '12'",
        "it must be an integer from 0 to 9",
    )
