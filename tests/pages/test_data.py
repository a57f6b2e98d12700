from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cnnviz import datasets
from cnnviz.ui.shared.markup import style_sheet
from tests.datasets import cifar_files

OpenPage = Callable[..., AppTest]
PAGE = "pages/data.py"


@pytest.fixture(autouse=True)
def nothing_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))


def markup(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))


def pictures(app: AppTest) -> dict[str, np.ndarray]:
    """Every picture by its description."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]*)" alt="([^"]*)"', markup(app))
    images = (Image.open(BytesIO(base64.b64decode(source))) for source, _ in found)
    return {name: np.asarray(image) for (_, name), image in zip(found, images, strict=True)}


def charts(app: AppTest) -> list[dict[str, object]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def titles(app: AppTest) -> list[str]:
    return [chart["layout"]["title"]["text"] for chart in charts(app)]  # type: ignore[index]


def texts(app: AppTest) -> str:
    groups = (app.markdown, app.caption, app.warning, app.error)
    return " ".join(element.value for group in groups for element in group)


def choose(app: AppTest, key: str, value: str) -> AppTest:
    """Click ``value`` of the segmented control that keeps the parameter ``key``."""
    return app.button_group(key=f"choice-{key}").set_value(value).run()


def test_samples_of_every_class_are_shown_as_they_are(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    shown = pictures(app)
    assert len(shown) == 200
    data = datasets.load("mnist-sample")
    for name, image in shown.items():
        label, number = re.fullmatch(r"(\d), image ([\d,]+)", name).groups()  # type: ignore[union-attr]
        place = int(number.replace(",", "")) - 1
        np.testing.assert_array_equal(image, data.train_images[place, 0].numpy())
        assert int(data.train_labels[place]) == int(label)
    assert markup(app).count("400 images") == 10
    assert markup(app).count('class="cnnviz-pixels"') == 200
    assert re.search(
        r"\.cnnviz-pixels \{[^}]*image-rendering: pixelated", style_sheet(dark=False, accent="#123456").html
    )
    assert all(part in markup(app) for part in ("4,000", "1,000", "1 x 28 x 28", "4 MB"))


def test_shuffling_and_one_class_show_others(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    first = pictures(app).keys()
    app.button(key="others").click().run()
    assert app.number_input(key="shuffle").value == 1
    assert pictures(app).keys() != first
    app.selectbox(key="choice-class").set_value("7").run()
    seven = pictures(app).keys()
    assert len(seven) == 96
    assert all(name.startswith("7, image") for name in seven)
    choose(app, "part", "test")
    assert "100 images" in markup(app)
    data = datasets.load("mnist-sample")
    for name, image in pictures(app).items():
        place = int(name.rpartition(" ")[2].replace(",", "")) - 1
        np.testing.assert_array_equal(image, data.test_images[place, 0].numpy())
    linked = open_page(PAGE, shuffle="1", part="test", **{"class": "7"})
    assert pictures(linked).keys() == pictures(app).keys()


def test_classes_are_counted_and_averaged(open_page: OpenPage) -> None:
    app = choose(open_page(PAGE), "view", "classes")
    (figure,) = charts(app)
    assert [bar["x"] for bar in figure["data"]] == [[400] * 10, [100] * 10]  # type: ignore[union-attr,index,call-overload]
    assert "correct for 10.0% of the test images" in texts(app)
    data = datasets.load("mnist-sample")
    mean = data.train_images[data.train_labels == 3].float().mean(0)[0].round()
    np.testing.assert_allclose(pictures(app)["3"], mean.numpy(), atol=1)


@pytest.mark.parametrize(
    ("way", "after"), [("data", "0.00, 1.00"), ("half", "-0.74, 0.62"), ("none", "0.13, 0.31")]
)
def test_values_are_shown_before_and_after_normalisation(open_page: OpenPage, way: str, after: str) -> None:
    app = choose(open_page(PAGE), "view", "values")
    choose(app, "normalise", way)
    for text in ("grey", "0.1311", "0.3083", "0.1307, 0.3081", after):
        assert f">{text}</td>" in markup(app)
    assert titles(app) == ["Before normalisation", "After normalisation"]


def test_every_step_that_is_taken_is_shown_in_order(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="recipe")
    assert headings(app) == ["1. Stored image", "2. Augmented", "3. Normalised"]
    app.toggle(key="permute").set_value(True).run()
    choose(app, "resize", "96")
    assert headings(app) == ["1. Stored image", "2. Augmented", "3. Permuted", "4. Resized", "5. Normalised"]
    shown = pictures(app)
    first, drawn = datasets.load("mnist-sample").train_images[0, 0].numpy(), shown["Augmented"]
    np.testing.assert_array_equal(shown["Stored image"], first)
    np.testing.assert_array_equal(drawn, shown["Draw 1"])
    assert sorted(shown["Permuted"].flatten()) == sorted(drawn.flatten())
    assert (shown["Permuted"] != drawn).any()
    assert shown["Resized"].shape == (96, 96)
    assert "1 x 96 x 96" in markup(app)


def headings(app: AppTest) -> list[str]:
    return re.findall(r"<b>(\d\. [^<]*)</b>", markup(app))


def test_presets_set_the_sliders_and_draws_change_with_the_seed(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="recipe")
    draws = [image.tobytes() for name, image in pictures(app).items() if name.startswith("Draw")]
    assert len(set(draws)) == 12
    assert app.slider(key="rotation").value == 15
    app.button(key="others").click().run()
    assert pictures(app)["Draw 1"].tobytes() not in draws
    app.button(key="preset-crop-flip").click().run()
    assert app.slider(key="rotation").value == 0
    assert app.slider(key="crop_padding").value == 4
    assert app.toggle(key="flip").value
    assert "for digits, leave flipping off" in texts(app)
    app.button(key="preset-none").click().run()
    assert "Draw 1" not in pictures(app)
    assert "Augmentation is off" in texts(app)
    app.slider(key="brightness").set_value(1.0).run()
    assert "Draw 12" in pictures(app)
    assert app.query_params["brightness"] == "1.0"


def test_another_image_comes_from_another_place(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="recipe")
    assert "label 0; 1 x 28 x 28" in markup(app)
    app.button(key="another").click().run()
    place = app.number_input(key="image").value - 1
    data = datasets.load("mnist-sample")
    np.testing.assert_array_equal(pictures(app)["Stored image"], data.train_images[place, 0].numpy())
    assert f"label {data.train_labels[place]}; " in markup(app)
    assert place > 400
    app.number_input(key="image").set_value(4000).run()
    app.button(key="another").click().run()
    assert app.number_input(key="image").value == 1789


def test_a_link_reopens_the_view(open_page: OpenPage) -> None:
    link = {"view": "recipe", "image": "12", "shuffle": "3", "permute": "true", "order": "5"}
    link |= {"resize": "224", "normalise": "half", "rotation": "90.0", "stroke_width": "0.0", "flip": "true"}
    app = open_page(PAGE, **link)
    assert not app.warning
    assert headings(app)[-2:] == ["4. Resized", "5. Normalised"]
    assert "permutation 5, the same for every image" in markup(app)
    assert app.slider(key="rotation").value == 90
    again = open_page(PAGE, **link)
    assert markup(again) == markup(app)
    assert markup(open_page(PAGE, **{**link, "shuffle": "4"})) != markup(app)


def test_a_wrong_link_gets_sentences_and_the_defaults(open_page: OpenPage) -> None:
    app = open_page(
        PAGE, dataset="minst", view="recipe", image="4001", flip="x", rotation="999", order="-1", resize="95"
    )
    assert "did you mean 'mnist'" in texts(app)
    for name in ("image=4001", "flip=x", "rotation=999"):
        assert f"{name} in the link cannot be used" in texts(app).replace("\\", "")
    assert "Unknown size '95'; available: 224, 96, off" in texts(app)
    assert headings(app)[0] == "1. Stored image"
    said = texts(open_page(PAGE, view="sample", part="tset", **{"class": "12"}))
    assert all(word in said for word in ("did you mean 'samples'", "did you mean 'test'", "class '12'"))


def test_colour_images_have_their_own_settings(open_page: OpenPage, tmp_path: Path) -> None:
    cifar_files.write(tmp_path / "data", count=8)
    app = open_page(PAGE, dataset="cifar10", view="recipe")
    keys = {slider.key for slider in app.slider}
    assert "saturation" in keys
    assert "stroke_width" not in keys
    assert app.toggle(key="flip").value
    assert "for digits" not in texts(app)
    stored = datasets.load("cifar10").train_images[0].permute(1, 2, 0)
    np.testing.assert_array_equal(pictures(app)["Stored image"], stored.numpy())
    assert "label airplane; 3 x 32 x 32" in markup(app)
    choose(app, "view", "values")
    assert all(f">{channel}</td>" in markup(app) for channel in ("red", "green", "blue"))
    choose(app, "view", "samples")
    assert "airplane, image 1" in pictures(app)


def test_data_that_are_not_there_are_offered_for_download(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(key: str, progress: Callable[[float], None]) -> None:
        progress(0.5)
        cifar_files.write(tmp_path / "data", count=8)

    monkeypatch.setattr(datasets, "download", download)
    app = open_page(PAGE, dataset="cifar10")
    assert "CIFAR-10 is not on this machine yet. The download is 170 MB." in texts(app)
    assert not pictures(app)
    app.button(key="download").click().run()
    assert "airplane, image 1" in pictures(app)


def test_damaged_data_are_explained(open_page: OpenPage, tmp_path: Path) -> None:
    (cifar_files.write(tmp_path / "data", count=8) / "data_batch_2").write_bytes(b"x")
    app = open_page(PAGE, dataset="cifar10")
    (error,) = app.error
    assert "data_batch_2" in error.value.replace("\\", "").replace("\u200b", "")
    assert "download the data set again" in error.value
    app.selectbox(key="choice-dataset").set_value("mnist-sample").run()
    assert not app.error
    assert len(pictures(app)) == 200
