from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz import architectures
from cnnviz.tracing.trace import trace
from tests.pages.filters_page import (
    KEYS,
    MAPS,
    PAGE,
    OpenPage,
    assert_said,
    cards,
    chart,
    markup,
    shipped_in,
    texts,
    titles,
)


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path) -> Iterator[Path]:
    with shipped_in(tmp_path / "checkpoints") as folder:
        yield folder


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
    assert "Both use the same colour scale" in texts(app)


def test_maps_of_untrained_weights_have_the_scale_of_the_trained_ones(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", untrained="true", **MAPS)
    assert markup(app).count("data:image/png;base64,") == 2 * 8 + 1
    scales = [float(scale) for scale in re.findall("same scale for both: ±([^<]*)<", markup(app))]
    ends = [float(end) for end in re.findall(r"values up to ±([^ <]*)", markup(app))]
    assert scales == [max(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    assert len(scales) == 8


def test_untrained_weights_alone(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-resnet-mini")
    assert titles(app)[0].startswith("Untrained, seed 1: 16 filters")
    assert "These weights are random" in texts(app)
    assert not app.toggle


def test_a_deeper_layer_is_shown_by_output_and_input_channel(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    app.selectbox(key="choice-layer").set_value("conv2").run()
    assert titles(app)[0] == "Basic CNN: filter 0 of conv2, 10 of 10 slices"
    assert "One slice per input channel" in texts(app)
    before = chart(app)["z"]
    app.number_input(key="output").set_value(7).run()
    assert titles(app)[0] == "Basic CNN: filter 7 of conv2, 10 of 10 slices"
    assert chart(app)["z"] != before
    assert ", bias " in texts(app)
    app.selectbox(key="choice-layer").set_value("fc").run()  # 10 filters, not 20
    assert not app.warning
    assert titles(app)[0] == "Basic CNN: filter 0 of fc, 20 of 20 slices"
    assert "Arranged as those maps again" in texts(app)


def test_filters_are_sorted_and_keep_their_numbers(open_page: OpenPage) -> None:
    def numbers(order: str) -> list[str]:
        app = open_page(PAGE, checkpoint="basic-cnn-mnist", order=order)
        return list(json.loads(app.get("plotly_chart")[0].proto.spec)["data"][1]["text"])

    usual = numbers("channel")
    assert usual == [str(number) for number in range(10)]
    assert sorted(numbers("norm"), key=int) == sorted(numbers("similarity"), key=int) == usual
    assert numbers("norm") != usual


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
    ("figures", "title"), [("norm", "norm and bias per filter"), ("histogram", "weights of conv2")]
)
def test_figures_about_a_layer(open_page: OpenPage, figures: str, title: str) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", figures=figures, untrained="true")
    assert title in titles(app)[-1]


def test_of_a_linear_norm_and_bias_are_told_without_filters(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="fc", figures="norm")
    assert titles(app)[-1] == "Basic CNN: fc, norm and bias per output"
    assert "when all inputs are zero" in texts(app)
    assert "ReLU" not in texts(app)


def test_all_layers_have_a_histogram(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", figures="layers")
    table = app.dataframe[0].value
    assert list(table["Layer"]) == ["conv1", "conv2", "fc"]
    assert all(abs(sum(bars) - 1) < 1e-6 for bars in table["Histogram"])
    assert "Each histogram is centred on zero" in texts(app)
    assert "inputs have smaller weights" not in texts(app)  # the table may say otherwise


def test_a_checkpoint_that_is_near_nothing_gets_the_list(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="nonsense")
    assert_said(app, "Unknown checkpoint 'nonsense'; available: ")
    assert "basic-cnn-mnist" in app.warning[0].value


def test_a_link_reopens_the_view(open_page: OpenPage) -> None:
    app = open_page(
        PAGE, view="maps", checkpoint="resnet-mini-mnist", untrained="true", digit="4", image="12"
    )
    assert "label 4" in texts(app)
    assert app.number_input(key="image").value == 12
    assert markup(app).count("<figcaption") == 18
    assert "same scale for both" in markup(app)


def test_a_wrong_link_gets_sentences_and_the_defaults(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cn-mnist", digit="x", image="5000", dataset="mnits", view="maps")
    said = [warning.value for warning in app.warning]
    assert any("did you mean 'basic-cnn-mnist'" in text for text in said)
    assert any("Unknown class 'x'" in text for text in said)
    assert any(
        "image=5000 in the link cannot be used: it must be an integer from 1 to 1,000" in text
        for text in said
    )
    assert any("did you mean 'mnist'" in text for text in said)
    assert "Image 1 of 1,000, label" in texts(app)
    assert len(cards(app)) == 8


def test_nonsense_about_filters_gets_sentences(open_page: OpenPage) -> None:
    app = open_page(
        PAGE, checkpoint="basic-cnn-mnist", view="mapps", layer="features.0", order="size", figures="bar"
    )
    assert_said(
        app,
        "did you mean 'maps'",
        "Unknown layer 'features.0'",
        "Unknown order 'size'",
        "Unknown figure 'bar'",
    )
    assert "filters of 1 x 5 x 5 in conv1" in titles(app)[0]
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", layer="conv2", output="99")
    assert_said(app, "it must be an integer from 0 to 19")


def test_a_damaged_checkpoint_is_explained_and_the_others_work(open_page: OpenPage, shipped: Path) -> None:
    (shipped / "resnet-mini-mnist.safetensors").write_bytes(b"x")
    app = open_page(PAGE, checkpoint="resnet-mini-mnist")
    assert "SHA-256" in app.error[0].value
    app.selectbox(key="choice-checkpoint").set_value("basic-cnn-mnist").run()
    assert not app.error
    assert "filters of" in titles(app)[0]


def test_without_checkpoints_untrained_networks_are_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path / "none"))
    assert titles(open_page(PAGE))[0].startswith("Untrained")
