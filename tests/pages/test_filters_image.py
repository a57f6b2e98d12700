from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz import datasets
from tests.pages.filters_page import (
    MAPS,
    PAGE,
    OpenPage,
    cards,
    markup,
    picture_file,
    shipped_in,
    texts,
    titles,
)
from tests.pages.opening import given


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path) -> Iterator[Path]:
    with shipped_in(tmp_path / "checkpoints") as folder:
        yield folder


def test_an_mlp_s_first_rows_are_pictures_of_the_image(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-mlp")
    assert titles(app)[0] == "Untrained, seed 1: 8 filters of 1 x 28 x 28 in fc1"
    assert "a weight for every pixel" in texts(app)


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


def test_an_uploaded_picture_goes_through_the_network(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", view="maps", source="upload")
    assert "Choose a picture" in app.info[0].value
    app.file_uploader[0].set_value(("cat.png", picture_file("RGBA", (300, 200)), "image/png")).run()
    assert len(cards(app)) == 12
    assert "predicts" in texts(app)
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
        (b"no picture", "as an image; use a PNG or JPEG file"),
        (b"", "as an image; use a PNG or JPEG file"),
        (picture_file("RGB", (9, 9))[:-40], "is damaged"),
        (picture_file("1", (8_000, 5_000)), "more than 25,000,000 pixels"),
    ):
        app.file_uploader[0].set_value(("photo.png", data, "image/png")).run()
        assert sentence in app.error[0].value
        assert not app.exception


def test_a_digit_on_paper_is_prepared_for_a_network_of_digits(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", view="maps", source="upload")
    app.file_uploader[0].set_value(("one.png", picture_file("RGB", (50, 90)), "image/png")).run()
    assert "recognises handwritten digits" in texts(app)
    assert len(cards(app)) == 8
    app.file_uploader[0].set_value(("white.png", picture_file("RGB", (9, 9), blank=True), "image/png")).run()
    assert "No digit found in this picture" in app.info[0].value


def test_clothes_on_light_ground_are_turned_for_a_network_of_clothes(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-bn", view="maps", source="upload")
    page = np.full((140, 90), 250, np.uint8)
    page[20:120, 30:60] = 40
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    app.file_uploader[0].set_value(("dress.png", file.getvalue(), "image/png")).run()
    assert "so it was converted to greyscale and inverted" in texts(app)
    assert "Network input" not in texts(app)  # it is what stands there as the own image


def test_what_the_network_gets_of_a_colour_picture_is_shown(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", view="maps", source="upload")
    app.file_uploader[0].set_value(("photo.png", picture_file("RGB", (50, 90)), "image/png")).run()
    assert "Network input: 3 x 32 x 32" in texts(app)


def test_the_drawing_of_the_draw_page_is_offered(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="basic-cnn-mnist", view="maps", source="drawing")
    assert "Nothing drawn yet" in app.info[0].value
    ink = np.zeros((28, 28), np.uint8)
    ink[4:24, 13:16] = 255
    app.session_state["drawn"] = ink
    app.run()
    assert "Your drawing" in texts(app)
    assert len(cards(app)) == 8


def test_images_seen_in_training_are_no_test(open_page: OpenPage) -> None:
    assert "MNIST's training set" in texts(open_page(PAGE, checkpoint="basic-cnn-mnist", **MAPS))


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
    assert "predicts" in texts(app)
    assert ": correct" not in texts(app)
    assert ": wrong" not in texts(app)


def test_the_living_picture_gets_a_test_image_in_the_networks_size(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-lenet-cifar", view="network", dataset="mnist-sample")
    (picture,) = [e for e in app.get("bidi_component") if "network_picture" in e.proto.component_name]
    assert len(base64.b64decode(given(picture)["image"])) == 3 * 32 * 32
