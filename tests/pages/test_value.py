"""The Filters page's view of one value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from cnnviz.bounded import COMMON
from cnnviz.ui.inside import pixel
from tests.constant_networks import save_constant

OpenPage = Callable[..., AppTest]


@pytest.fixture
def value(open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """Open the view with a network that learned from the sample."""
    folder = tmp_path / "checkpoints"
    save_constant(folder, "basic-cnn", 3, "mnist-sample")
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    yield lambda **link: open_page("pages/filters.py", view="value", **link)
    COMMON.clear()


def facts(app: AppTest, name: str = "pixels") -> dict[str, Any]:
    (component,) = (e for e in app.get("bidi_component") if e.proto.component_name == f"cnnviz_{name}")
    data: bytes = component.proto.bytes
    assert len(data) < 1_000_000
    found: dict[str, Any] = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
    return found


def test_the_first_convolution_is_shown_where_its_output_is_largest(value: OpenPage) -> None:
    app = value()
    shown = facts(app)
    assert app.selectbox(key="choice-layer").value == "conv1"
    assert (shown["mode"], shown["channel"], shown["sources"]) == ("sum", 0, 1)
    assert (len(shown["rows"]), len(shown["rows"][0])) == (24, 5)
    assert 0 <= shown["at"] < 24 * 24
    assert {"blur", "sharpen", "vertical-edges"} <= shown["texts"]["presets"].keys()
    assert len(shown["texts"]["presets"]["blur"]["kernel"]) == 25


def test_layer_channel_and_place_are_kept_in_the_link(value: OpenPage) -> None:
    shown = facts(value(layer="conv2", channel="19", at="7-0"))
    assert (shown["channel"], shown["sources"], shown["at"]) == (19, 10, 7 * 8)


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        ("conv1", "Point at an output value; click to stay there. Change the kernel's weights to see the output change."),
        ("conv2", "Point at an output value; click to stay there. Click a channel to see its patch. Change the kernel's weights to see the output change."),
        ("fc", "Point at an output value; click to stay there. Click a channel to see its patch."),
        ("pooling", "Point at an output value; click to stay there."),
    ],
)  # fmt: skip
def test_only_what_can_be_done_is_offered(value: OpenPage, layer: str, hint: str) -> None:
    assert facts(value(layer=layer))["texts"]["hint"] == hint


def test_a_layer_that_another_view_had_and_this_one_has_not_is_no_mistake(value: OpenPage) -> None:
    app = value(layer="relu")
    assert not app.warning
    assert app.selectbox(key="choice-layer").value == "conv1"
    assert app.query_params["layer"] == "relu"


def test_a_switch_without_effect_is_not_offered(value: OpenPage) -> None:
    app = value(untrained="true")
    assert not app.toggle
    app.segmented_control(key="choice-view").set_value("filters").run()
    assert app.toggle(key="untrained").value  # the link still says so


def test_another_layer_forgets_channel_and_place(value: OpenPage) -> None:
    app = value(layer="conv2", channel="19", at="7-7")
    app.selectbox(key="choice-layer").set_value("conv1").run()
    assert "channel" not in app.query_params
    assert "at" not in app.query_params
    assert facts(app)["channel"] == 0


def test_the_last_layer_shows_the_answer_with_the_names_of_the_classes(value: OpenPage) -> None:
    shown = facts(value(layer="fc"))
    assert shown["vector"]
    assert shown["at"] == 3
    assert shown["texts"]["names"] == list("0123456789")


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"layer": "incep1.branch1x1"}, "Unknown layer 'incep1.branch1x1'"),
        ({"channel": "10"}, "channel=10"),
        ({"at": "24-0"}, "is not a position in the 24 x 24 output"),
        ({"at": "0-" + "9" * 5000}, "is not a position in the 24 x 24 output"),
        ({"at": "x"}, "is not a position in the 24 x 24 output"),
    ],
)
def test_nonsense_in_a_link_gets_a_sentence(value: OpenPage, link: dict[str, str], sentence: str) -> None:
    app = value(**link)
    assert sentence in app.warning[0].value
    assert facts(app)["channel"] == 0


@pytest.mark.parametrize(
    ("said", "link"), [("3-4", {"at": "3-4"}), ("7", {"channel": "7"}), (None, {}), (["x"], {})]
)
def test_where_a_person_stops_goes_into_the_link(
    monkeypatch: pytest.MonkeyPatch, said: object, link: dict[str, str]
) -> None:
    found = QueryParams()
    monkeypatch.setattr(st, "query_params", found)
    monkeypatch.setattr(st, "session_state", {"pixels": {"at": said}})
    pixel._write_place()
    assert found.to_dict() == link


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc"])
def test_backward_equals_pytorch_to_the_last_digit_shown(value: OpenPage, layer: str) -> None:
    app = value(way="backward", checkpoint="untrained-basic-cnn", layer=layer, label="5")
    told = facts(app, "gradients")["told"]
    assert told["same"]
    assert float(told["sum"].replace("−", "-"))
    assert told["check"].startswith(f"PyTorch's autograd computed {told['sum']}: the same")
    assert not app.exception


def test_a_weight_in_the_link_is_taken_apart_and_updated(value: OpenPage) -> None:
    app = value(way="backward", checkpoint="untrained-basic-cnn", label="5", weight="1-2", rate="1")
    assert facts(app, "gradients")["at"] == "1-2"
    before = app.code[0].value
    assert before.startswith("new weight = weight − learning rate × gradient\n")
    assert " − 1 × " in before
    assert "Loss of this image:" in "".join(each.value for each in app.markdown)
    app.selectbox(key="choice-rate").set_value("0.01").run()
    assert app.query_params["rate"] == "0.01"
    assert app.code[0].value != before
    bias = value(way="backward", label="5", weight="bias")
    assert facts(bias, "gradients")["at"] == "bias"


@pytest.mark.parametrize("weight", ["9-0", "x", "0-" + "9" * 5000])
def test_a_weight_that_is_not_there_gets_a_sentence(value: OpenPage, weight: str) -> None:
    app = value(way="backward", weight=weight)
    assert "is not one of the 5 x 5 weights" in app.warning[0].value
    assert "weight" not in app.query_params


def test_another_layer_begins_with_a_weight_of_its_own(value: OpenPage) -> None:
    app = value(way="backward", layer="conv2", channel="3", **{"from": "2", "weight": "0-1"})
    app.selectbox(key="choice-layer").set_value("conv1").run()
    assert not {"channel", "from", "weight"} & app.query_params.keys()


def test_a_certain_answer_leaves_hardly_a_gradient(value: OpenPage) -> None:
    sentence = "The network is almost certain of this "
    assert sentence in html(value(way="backward", label="3"))
    assert sentence not in html(value(way="backward", label="5"))


def test_the_channel_with_most_gradient_is_shown_at_first(value: OpenPage) -> None:
    app = value(way="backward", layer="fc", label="5")
    assert app.number_input(key="channel").value == 3  # the wrong answer, of which the network is sure


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))
