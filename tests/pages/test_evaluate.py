from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from cnnviz import datasets
from cnnviz.bounded import COMMON
from cnnviz.ui.evaluate import views
from tests.constant_networks import save_constant

OpenPage = Callable[..., AppTest]
PAGE = "pages/evaluate.py"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Networks that learned from the sample: one always says 3, another always 5."""
    folder = tmp_path / "checkpoints"
    save_constant(folder, "mlp", 3, "mnist-sample")
    save_constant(folder, "small-cnn", 5, "mnist-sample")
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    yield folder
    COMMON.clear()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def html(app: AppTest) -> str:
    return " ".join(re.sub("<[^>]*>", " ", element.proto.body) for element in app.main.get("html"))


def pictures(app: AppTest) -> int:
    return sum(element.proto.body.count("<figure") for element in app.main.get("html"))


def test_overview_tells_the_test_accuracy_and_shows_eight_images(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE)
    assert metrics(app) == {
        "Test accuracy": "10.00%",
        "Test loss": metrics(app)["Test loss"],
        "Images": "1,000",
        "Misclassified": "900",
    }
    assert pictures(app) == 8
    labels = datasets.load("mnist-sample").test_labels
    for number, label in enumerate(labels[:8].tolist(), 1):
        assert f"true: {label} · image {number}" in html(app)
    app.number_input(key="eight").set_value(2).run()
    assert "image 9" in html(app)
    assert "image 8" not in html(app)


def test_a_chart_shows_its_numbers_as_a_table_when_asked(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, view="confusions")
    (chart,) = app.get("plotly_chart")
    assert "100 of 1,000 images are correct" in chart.proto.alt
    assert not app.dataframe
    app.session_state["table-of-confusion"] = True
    (table,) = app.run().dataframe
    assert list(table.value.columns) == ["true class", *map(str, range(10))]
    assert table.value["3"].tolist() == [100] * 10
    assert table.value["4"].tolist() == [0] * 10
    assert table.proto.alt == chart.proto.alt
    (save,) = app.get("download_button")
    assert save.proto.label == "Save as CSV"


def test_a_cell_shows_its_images(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, view="confusions", true="7", read="3")
    assert "**100** of 100 images of **7** are predicted as **3**." in [text.value for text in app.markdown]
    assert pictures(app) == 12
    app.selectbox(key="choice-read").set_value("4").run()
    assert "**0** of 100 images of **7** are predicted as **4**." in [text.value for text in app.markdown]
    assert pictures(app) == 0
    assert app.query_params["read"] == "4"


def test_a_click_on_a_cell_goes_into_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    link = QueryParams()
    monkeypatch.setattr(st, "query_params", link)
    clicked = [{"customdata": [2, 0]}]
    for points, expected in ([], {}), (clicked, {"true": "ship", "read": "cat"}):
        event = SimpleNamespace(selection=SimpleNamespace(points=points))
        monkeypatch.setattr(st, "session_state", {"confusion": event})
        views._choose_cell(("cat", "dog", "ship"))
        assert link.to_dict() == expected


def test_worst_mistakes_are_in_pages(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, view="mistakes")
    assert pictures(app) == 24
    assert "900 of 1,000 images are misclassified" in html(app)
    assert "✓" not in html(app)
    before = html(app)
    app.number_input(key="images").set_value(38).run()
    assert pictures(app) == 900 - 37 * 24
    assert html(app) != before


def test_calibration_tells_its_error(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, view="calibration")
    assert metrics(app)["Expected calibration error"].startswith("90.")  # always sure, right in a tenth
    assert "It is overconfident." in [text.value for text in app.markdown]
    assert len(app.get("plotly_chart")) == 1


def test_two_networks_are_compared(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, view="compare")
    shown = metrics(app)
    assert shown["correct: only MLP"] == shown["correct: only Small CNN"] == "100"
    assert shown["correct: neither"] == "800"
    assert any("do not show which network is better" in text.value for text in app.markdown)
    assert html(app).count("true: 3") == 24
    app.button_group(key="choice-group").set_value("second").run()
    assert html(app).count("true: 5") == 24


def test_a_network_that_has_seen_the_images_is_not_called_better(open_page: OpenPage, shipped: Path) -> None:
    save_constant(shipped, "basic-cnn", 1, "mnist")
    app = open_page(PAGE, view="compare", checkpoint="mlp-mnist-sample", second="basic-cnn-mnist")
    assert "Basic CNN was trained on these very images" in app.warning[0].value
    assert not any("better" in text.value for text in app.markdown)
    fair = open_page(PAGE, view="compare", checkpoint="mlp-mnist-sample")
    assert not fair.warning  # of itself the page compares with one that has not


def test_images_that_the_network_learned_from_are_named_so(
    open_page: OpenPage, shipped: Path, tmp_path: Path
) -> None:
    save_constant(shipped, "basic-cnn", 1, "mnist")
    app = open_page(PAGE, checkpoint="basic-cnn-mnist")
    assert "MNIST sample gives no test accuracy" in app.warning[0].value
    assert "Test accuracy" not in metrics(app)
    assert metrics(app)["Accuracy on its training images"] == "10.00%"


def test_a_data_set_that_is_not_there_can_be_downloaded(open_page: OpenPage, shipped: Path) -> None:
    app = open_page(PAGE, dataset="mnist")
    assert "MNIST is not on this machine yet" in app.warning[0].value
    assert app.button(key="download").label == "Download MNIST"
    assert not app.metric


def test_only_data_sets_with_the_networks_images_and_classes_are_offered(
    open_page: OpenPage, shipped: Path
) -> None:
    assert open_page(PAGE).selectbox(key="choice-dataset").options == ["MNIST sample", "MNIST"]
    app = open_page(PAGE, dataset="fashion-mnist")
    assert "Unknown data set 'fashion-mnist'" in app.warning[0].value


def test_damaged_weights_get_a_sentence(open_page: OpenPage, shipped: Path) -> None:
    weights = shipped / "mlp-mnist-sample.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    app = open_page(PAGE)
    assert len(app.error) == 1
    assert "mlp-mnist-sample" in app.error[0].value


def test_without_a_network_the_way_to_one_is_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path / "none"))
    assert "No trained networks yet" in open_page(PAGE).info[0].value


@pytest.mark.parametrize(
    "parameter", ["checkpoint", "dataset", "view", "true", "group", "second", "images", "eight"]
)
def test_nonsense_in_a_link_gets_a_sentence(open_page: OpenPage, shipped: Path, parameter: str) -> None:
    view = {"true": "confusions", "group": "compare", "second": "compare", "images": "mistakes"}.get(
        parameter
    )
    link = {"view": view} if view else {}
    app = open_page(PAGE, **link, **{parameter: "![x](y)"})
    assert len(app.warning) == 1
    assert not app.error
