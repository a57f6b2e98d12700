from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import nn

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
        save(folder, key, architectures.get(key).build_seeded(99).eval())
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    yield folder
    st.cache_resource.clear()
    st.cache_data.clear()


def save(folder: Path, key: str, model: nn.Module) -> None:
    """A checkpoint of the network ``key`` with the weights of ``model``."""
    result = TrainingResult(
        model=model,
        recipe=Recipe.default(key),
        epochs=(),
        steps=1,
        test_accuracy=0.5,
        test_loss=1.0,
        stopped=False,
    )
    checkpoints.save(folder, f"{key}-mnist", result, dataset_digest="0" * 64, run_id="trial")


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


MAPS = {"view": "maps", "dataset": "mnist-sample"}


@pytest.mark.parametrize("key", KEYS)
def test_every_op_has_a_card_with_its_shape(open_page: OpenPage, key: str) -> None:
    app = open_page(PAGE, checkpoint=f"{key}-mnist", **MAPS)
    architecture = architectures.get(key)
    traced = trace(architecture.build(), architecture.input_shape)
    assert cards(app) == [f"{op.name} {op.type} {' x '.join(map(str, op.output_shape))}" for op in traced.ops]
    assert markup(app).count("data:image/png;base64,") == len(traced.ops) + 1  # and the image itself


def test_untrained_weights_stand_beside_the_trained_ones(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    assert len(titles(app)) == 2  # filters and their norms
    app.toggle(key="untrained").set_value(True).run()
    assert titles(app)[:2] == [
        "Basic CNN: 10 filters of 1 x 5 x 5 in conv1",
        "Untrained, seed 1: 10 filters of 1 x 5 x 5 in conv1",
    ]
    trained, untrained = (json.loads(chart.proto.spec)["data"][0] for chart in app.get("plotly_chart")[:2])
    assert trained["z"] != untrained["z"]
    assert trained["zmax"] == untrained["zmax"]
    assert "Both have the same colour scale" in texts(app)


def test_maps_of_untrained_weights_have_the_scale_of_the_trained_ones(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", untrained="true", **MAPS)
    assert markup(app).count("data:image/png;base64,") == 2 * 8 + 1
    scales = [float(scale) for scale in re.findall(r"one scale for both: ±([^<]*)<", markup(app))]
    ends = [float(end) for end in re.findall(r"values up to ±([^ <]*)", markup(app))]
    assert scales == [max(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    assert len(scales) == 8


def test_untrained_weights_alone(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-resnet-mini")
    assert titles(app)[0].startswith("Untrained, seed 1: 16 filters")
    assert "drawn at random" in texts(app)
    assert not app.toggle


def chart(app: AppTest, place: int = 0) -> dict[str, object]:
    return dict(json.loads(app.get("plotly_chart")[place].proto.spec)["data"][0])


def test_a_deeper_layer_is_shown_by_output_and_input_channel(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    app.selectbox(key="choice-layer").set_value("conv2").run()
    assert titles(app)[0] == "Basic CNN: filter 0 of conv2, 10 of 10 slices"
    assert "One slice for each input channel" in texts(app)
    before = chart(app)["z"]
    app.number_input(key="output").set_value(7).run()
    assert titles(app)[0] == "Basic CNN: filter 7 of conv2, 10 of 10 slices"
    assert chart(app)["z"] != before
    assert ", bias " in texts(app)
    app.selectbox(key="choice-layer").set_value("fc").run()  # 10 filters, not 20
    assert not app.warning
    assert titles(app)[0] == "Basic CNN: filter 0 of fc, 20 of 20 slices"
    assert "Laid out as these maps again" in texts(app)


def test_filters_are_sorted_and_keep_their_numbers(open_page: OpenPage) -> None:
    def numbers(order: str) -> list[str]:
        app = open_page(PAGE, checkpoint="basic-cnn-mnist", order=order)
        return list(json.loads(app.get("plotly_chart")[0].proto.spec)["data"][1]["text"])

    usual = numbers("channel")
    assert usual == [str(number) for number in range(10)]
    assert sorted(numbers("norm"), key=int) == sorted(numbers("similarity"), key=int) == usual
    assert numbers("norm") != usual


def test_an_mlp_s_first_rows_are_pictures_of_the_image(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-mlp")
    assert titles(app)[0] == "Untrained, seed 1: 8 filters of 1 x 28 x 28 in fc1"
    assert "a weight for every pixel" in texts(app)


def test_filters_that_read_colours_are_shown_in_colour_or_apart(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar")
    assert chart(app)["type"] == "image"
    assert "Grey is zero" in texts(app)
    app.selectbox(key="choice-picture").set_value("slices").run()
    assert chart(app)["type"] == "heatmap"
    labels = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][1]["text"]
    assert labels[:4] == ["0, 0", "0, 1", "0, 2", "1, 0"]


def test_very_many_slices_come_in_pages(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-inception-mini", layer="fc", order="norm")
    assert titles(app)[0] == "Untrained, seed 1: filter 0 of fc, 64 of 88 slices"
    app.number_input(key="page").set_value(2).run()
    assert titles(app)[0] == "Untrained, seed 1: filter 0 of fc, 24 of 88 slices"


@pytest.mark.parametrize(
    ("figures", "title"), [("norm", "norm and bias of each filter"), ("histogram", "weights of conv2")]
)
def test_figures_about_a_layer(open_page: OpenPage, figures: str, title: str) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", figures=figures, untrained="true")
    assert title in titles(app)[-1]


def test_all_layers_have_a_histogram(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", figures="layers")
    table = app.dataframe[0].value
    assert list(table["Layer"]) == ["conv1", "conv2", "fc"]
    assert all(abs(sum(bars) - 1) < 1e-6 for bars in table["Histogram"])


def test_class_and_next_choose_the_digit(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", **MAPS)
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
        PAGE, view="maps", checkpoint="resnet-mini-mnist", untrained="true", digit="4", image="12"
    )
    assert "label 4" in texts(app)
    assert app.number_input(key="image").value == 12
    assert markup(app).count("<figcaption") == 18
    assert "one scale for both" in markup(app)


def test_a_wrong_link_gets_sentences_and_the_defaults(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cn-mnist", digit="x", image="5000", dataset="mnits", view="maps")
    said = [warning.value for warning in app.warning]
    assert any("did you mean 'basic-cnn-mnist'" in text for text in said)
    assert any("The class 'x' is unknown" in text for text in said)
    assert any(
        "The link says image=5000, which cannot be used: allowed is a whole number from 1 to 1,000" in text
        for text in said
    )
    assert any("did you mean 'mnist'" in text for text in said)
    assert "Image 1 of 1,000, label" in texts(app)
    assert len(cards(app)) == 8


def assert_said(app: AppTest, *sentences: str) -> None:
    said = [warning.value for warning in app.warning]
    for sentence in sentences:
        assert any(sentence in text for text in said), (sentence, said)
    assert len(said) == len(sentences)
    assert not app.error


def test_nonsense_about_filters_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(
        PAGE, checkpoint="basic-cnn-mnist", view="mapps", layer="features.0", order="size", figures="bar"
    )
    assert_said(
        app,
        "did you mean 'maps'",
        "The layer 'features.0' is unknown",
        "The order 'size' is unknown",
        "The figure 'bar' is unknown",
    )
    assert "filters of 1 x 5 x 5 in conv1" in titles(app)[0]
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", output="99")
    assert_said(app, "allowed is a whole number from 0 to 19")


def test_an_uploaded_picture_goes_through_the_network(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", view="maps", source="upload")
    assert "Choose a picture" in app.info[0].value
    app.file_uploader[0].set_value(("cat.png", picture_file("RGBA", (300, 200)), "image/png")).run()
    assert len(cards(app)) == 12
    assert "reads" in texts(app)
    assert "wrong" not in texts(app)  # nobody knows what it is


def test_pictures_of_all_kinds_and_sizes_are_read(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", view="maps", source="upload")
    kinds = [(mode, (40, 30)) for mode in ("1", "L", "P", "CMYK", "I;16", "LA")]
    for mode, size in [*kinds, ("RGB", (1, 1)), ("RGB", (1, 700)), ("RGB", (3, 2))]:
        kind = "tiff" if mode == "CMYK" else "png"
        app.file_uploader[0].set_value((f"photo.{kind}", picture_file(mode, size, kind), "")).run()
        assert not app.error, (mode, size)
        assert len(cards(app)) == 12, (mode, size)


def test_a_file_that_cannot_be_read_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="maps", source="upload")
    for data, sentence in (
        (b"no picture", "is not an image"),
        (b"", "is not an image"),
        (picture_file("RGB", (9, 9))[:-40], "is damaged"),
        (picture_file("1", (8_000, 5_000)), "more than 25,000,000 pixels"),
    ):
        app.file_uploader[0].set_value(("photo.png", data, "image/png")).run()
        assert sentence in app.error[0].value
        assert not app.exception


def test_a_digit_on_paper_is_prepared_for_a_network_of_digits(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", view="maps", source="upload")
    app.file_uploader[0].set_value(("one.png", picture_file("RGB", (50, 90)), "image/png")).run()
    assert "reads handwritten digits" in texts(app)
    assert len(cards(app)) == 8
    app.file_uploader[0].set_value(("white.png", picture_file("RGB", (9, 9), blank=True), "image/png")).run()
    assert "There is no digit in this picture" in app.info[0].value


def picture_file(mode: str, size: tuple[int, int], kind: str = "png", blank: bool = False) -> bytes:
    """A dark bar on white, in a file of this mode."""
    image = Image.new("L", size, 255)
    if not blank:
        image.paste(20, (0, 0, max(1, size[0] // 3), size[1]))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    file = io.BytesIO()
    (image if mode == "I;16" else image.convert(mode)).save(file, kind)
    return file.getvalue()


def test_the_drawing_of_the_draw_page_is_offered(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", view="maps", source="drawing")
    assert "Nothing is drawn yet" in app.info[0].value
    ink = np.zeros((28, 28), np.uint8)
    ink[4:24, 13:16] = 255
    app.session_state["drawn"] = ink
    app.run()
    assert "Your drawing" in texts(app)
    assert len(cards(app)) == 8


def test_a_damaged_checkpoint_is_explained_and_the_others_work(open_page: OpenPage, shipped: Path) -> None:
    (shipped / "resnet-mini-mnist.safetensors").write_bytes(b"x")
    app = open_page(PAGE, checkpoint="resnet-mini-mnist")
    assert "SHA-256" in app.error[0].value
    app.selectbox(key="choice-checkpoint").set_value("basic-cnn-mnist").run()
    assert not app.error
    assert "filters of" in titles(app)[0]


def test_images_seen_in_training_are_no_test(open_page: OpenPage) -> None:
    assert "training set of MNIST" in texts(open_page(PAGE, checkpoint="basic-cnn-mnist", **MAPS))


def test_missing_data_is_explained(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "nothing"))
    app = open_page(PAGE, view="maps", dataset="mnist")
    assert "CNNVIZ_DATA_DIR" in app.error[0].value
    app.selectbox(key="choice-dataset").set_value("mnist-sample").run()
    assert not app.error
    assert len(cards(app)) == 8


def test_an_image_of_another_data_set_is_brought_to_the_network_s_input(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", **MAPS)  # grey 28 x 28 to colours 32 x 32
    assert len(cards(app)) == 12
    assert "reads" in texts(app)
    assert ": right" not in texts(app)
    assert ": wrong" not in texts(app)


def test_without_checkpoints_untrained_networks_are_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path / "none"))
    assert titles(open_page(PAGE))[0].startswith("Untrained")


LAYER = {"view": "layer", "dataset": "mnist-sample"}


def tiles(app: AppTest, place: int = 0) -> dict[str, Any]:
    """What the browser gets to draw: pictures that can be clicked."""
    found = [e for e in app.get("bidi_component") if e.proto.component_name == "cnnviz_tiles"]
    return dict(json.loads(found[place].proto.json))


def test_all_maps_of_a_layer_and_one_enlarged(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="conv2", map="3", **LAYER)
    shown = tiles(app)
    assert [tile["number"] for tile in shown["tiles"]] == list(range(20))
    assert shown["chosen"] == 3
    assert titles(app) == ["conv2, map 3"]
    assert len(app.dataframe[0].value) == 20
    app.selectbox(key="choice-scale").set_value("own").run()
    assert "Each map has its own colour scale" in texts(app)
    app.selectbox(key="choice-op").set_value("fc").run()  # no maps, but ten values
    assert not app.warning
    assert titles(app) == ["Basic CNN: fc, 10"]


def test_before_and_after_the_activation_stand_below_each_other(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="relu", both="true", **LAYER)
    assert titles(app) == ["pooling, map 0", "relu, map 0"]
    before, after = (np.asarray(values(app, place)) for place in (0, 1))
    assert before.min() < 0
    assert np.array_equal(after, np.maximum(before, 0))
    app.toggle(key="both").set_value(False).run()
    assert titles(app) == ["relu, map 0"]


def values(app: AppTest, place: int) -> np.ndarray:
    z = json.loads(app.get("plotly_chart")[place].proto.spec)["data"][0]["z"]
    flat = np.frombuffer(base64.b64decode(z["bdata"]), np.dtype(z["dtype"]))
    return flat.reshape([int(size) for size in z["shape"].split(",")])


def test_dead_maps_are_marked(open_page: OpenPage, shipped: Path) -> None:
    model = architectures.get("basic-cnn").build_seeded(99).eval()
    with torch.no_grad():
        model.conv1.weight[4] = 0
        model.conv1.bias[4] = -1
    save(shipped, "basic-cnn", model)
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="relu", **LAYER)
    assert [tile["number"] for tile in tiles(app)["tiles"] if tile["dead"]] == [4]
    assert "1 of 10 are dead for this image" in texts(app)


def test_very_many_maps_come_in_pages_the_strongest_first(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="inception-mini-mnist", op="incep1.cat", **LAYER)
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
        op="rblock1.add",
        map="10",
        scale="log",
        sort="size",
        source="camera",
    )
    assert_said(
        app,
        "The layer 'rblock1.add' is unknown",
        "allowed is a whole number from 0 to 9",
        "The scale 'log' is unknown",
        "The order 'size' is unknown",
        "The source 'camera' is unknown",
    )
    assert len(tiles(app)["tiles"]) == 10
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", **LAYER, op="relu", both="maybe")
    assert_said(app, "The link says both=maybe")


EXCITE = {"view": "excite", "dataset": "mnist-sample", "images": "100"}


def test_every_map_has_its_patch_and_one_its_nine_images(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="conv2", map="3", **EXCITE)
    patches = tiles(app)
    assert len(patches["tiles"]) == 20
    assert patches["chosen"] == 3
    assert len({tile["png"] for tile in patches["tiles"]}) > 5
    assert "out of 100 test images of MNIST sample" in texts(app)
    assert "100 of 1,000 images, evenly spread" in texts(app)
    assert "receptive field, 14 x 14 pixels" in texts(app)
    assert app.subheader[0].value == "Basic CNN: the 9 images that excite map 3 of conv2 most"
    assert markup(app).count("<figure") == 9
    frames = re.findall(r"width:([\d.]+)%;height:([\d.]+)%", markup(app))
    assert len(frames) == 9
    assert all(0 < float(side) <= 50 for frame in frames for side in frame)  # 14 of 28, or less at the edge
    before = markup(app)
    app.number_input(key="map").set_value(4).run()
    assert markup(app) != before


def test_what_excites_trained_and_untrained_maps(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="fc", untrained="true", **EXCITE)
    assert [header.value.partition(":")[0] for header in app.subheader] == ["Basic CNN", "Untrained, seed 1"]
    assert markup(app).count("<figure") == 18
    assert len(tiles(app)["tiles"]) == 10


def test_a_map_that_is_never_above_zero_is_dead(open_page: OpenPage, shipped: Path) -> None:
    model = architectures.get("basic-cnn").build_seeded(99).eval()
    with torch.no_grad():
        model.conv1.weight[4] = 0
        model.conv1.bias[4] = -1
    save(shipped, "basic-cnn", model)
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", op="relu", **EXCITE)
    assert [tile["number"] for tile in tiles(app)["tiles"] if tile["dead"]] == [4]
    assert "1 of 10 maps are never above zero" in texts(app)


def test_nonsense_about_what_excites_a_map_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="mlp-mnist", **{**EXCITE, "images": "12"}, op="conv1", map="-1")
    assert_said(
        app,
        "The checkpoint 'mlp-mnist' is unknown",
        "The number of images '12' is unknown",
        "allowed is a whole number from 0 to 9",
    )
