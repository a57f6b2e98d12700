from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from cnnviz.bounded import COMMON
from cnnviz.browser import plan
from cnnviz.drawing.strokes import example_points
from cnnviz.language import Message
from cnnviz.ui.draw import canvas as canvas_module
from cnnviz.ui.draw.canvas import SIDE
from tests.constant_networks import save_constant
from tests.networks import MINI
from tests.pages.opening import given

OpenPage = Callable[..., AppTest]
KEYS = tuple(network.key for network in MINI)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Checkpoints of networks that always say the digit of their place in the registry."""
    folder = tmp_path / "checkpoints"
    for digit, key in enumerate(KEYS):
        save_constant(folder, key, digit)
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    yield folder
    COMMON.clear()


class Canvas:
    """Stands for the canvas in the browser, which tells the server what is drawn when the pen rests."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.told: dict[str, Any] | None = None

    def draw(self, height: int = 230, **changes: Any) -> None:
        """A vertical line; what it has become in the browser is a little brighter than it would be here."""
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        pixels[..., 3] = 255
        pixels[40 : 40 + height, 130:150, :3] = 255
        address = (
            "data:image/png;base64," + base64.b64encode(encoded(Image.fromarray(pixels), "PNG")).decode()
        )
        self.image = np.full((28, 28), 7, np.uint8)
        image = base64.b64encode(self.image.tobytes()).decode()
        number = 1 if self.told is None else self.told["number"] + 1
        self.told = {"number": number, "image": image, "picture": address, "redrawn": None, **changes}

    def __call__(self, *, data: Any, on_drawing_change: Callable[[], None], **_: Any) -> None:
        self.data = data
        if self.told is not None:
            st.session_state["sheet"] = {"drawing": self.told}
            on_drawing_change()


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Canvas:
    found = Canvas()
    monkeypatch.setattr(canvas_module, "_component", found)
    return found


def in_browser(app: AppTest) -> dict[str, Any]:
    """What the browser is told of the networks."""
    found: dict[str, Any] = next(
        data for element in app.get("bidi_component") if "networks" in (data := given(element) or {})
    )
    return found


def verdicts(app: AppTest) -> list[str]:
    """The large labels, in the order of the page."""
    bodies = [element.proto.body for element in app.main.get("html")]
    labels = [re.sub("<[^>]*>", "", body) for body in bodies if 'class="cnnviz-verdict' in body]
    return [label for label in labels if not label.startswith("–")]


def plain(app: AppTest) -> str:
    return " ".join(re.sub("<[^>]*>", "", element.proto.body) for element in app.main.get("html"))


def test_empty_canvas_gets_a_sentence_and_no_prediction(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py")
    assert "The canvas is empty" in app.info[0].value
    assert not any("%" in re.sub("<[^>]*>", "", element.proto.body) for element in app.main.get("html"))


def test_the_browser_gets_every_shipped_network_and_the_server_reads_nothing(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    app = open_page("pages/draw.py")
    told = in_browser(app)
    assert [network["id"] for network in told["networks"]] == [f"{key}-mnist" for key in KEYS]
    assert not told["others"]
    assert all(network["classes"] == list("0123456789") for network in told["networks"])
    addresses = [(network["url"], network["digest"]) for network in told["networks"]]
    assert len(set(addresses)) == len(KEYS)
    canvas.draw()
    app.run()
    assert in_browser(app) == told  # so that nothing of it travels again
    assert not verdicts(app)
    assert any("even a high one can be wrong" in caption.value for caption in app.caption)


def test_a_network_that_the_browser_cannot_run_is_read_here_beside_the_others(
    open_page: OpenPage, shipped: Path, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = plan.refusal
    monkeypatch.setattr(
        plan,
        "refusal",
        lambda trace: (
            Message("Too many branches.") if any(op.type == "cat" for op in trace.ops) else usual(trace)
        ),
    )
    app = open_page("pages/draw.py")
    assert [network["id"] for network in in_browser(app)["others"]] == ["inception-mini-mnist"]
    assert not verdicts(app)
    canvas.draw()
    app.run()
    assert verdicts(app) == [str(KEYS.index("inception-mini"))]
    assert len(in_browser(app)["networks"]) == len(KEYS) - 1


def test_networks_here_get_the_image_that_the_browser_s_networks_got(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw()
    app = open_page("pages/draw.py")
    np.testing.assert_array_equal(np.asarray(pictures(app)[-1]), canvas.image)
    np.testing.assert_array_equal(app.session_state["drawn"], canvas.image)


def test_networks_that_agree_and_a_single_one_say_so(open_page: OpenPage, shipped: Path) -> None:
    save_constant(shipped, "mlp", 0)
    app = open_page("pages/draw.py", source="data", checkpoint=["basic-cnn-mnist", "mlp-mnist"])
    assert "All 2 networks: 0" in plain(app)
    alone = open_page("pages/draw.py", source="data", checkpoint="mlp-mnist")
    assert "Prediction: 0" in plain(alone)
    every = plain(
        open_page("pages/draw.py", source="data", checkpoint=["mlp-mnist", *(f"{key}-mnist" for key in KEYS)])
    )
    assert "2 of 4 networks: 0" in every
    assert "Others: 1, 2" in every


def test_runner_up_and_time_stand_on_each_card(open_page: OpenPage, shipped: Path) -> None:
    text = plain(open_page("pages/draw.py", source="data"))
    assert len(re.findall(r"Runner-up: \d, \d+\.\d%", text)) == len(KEYS)
    assert len(re.findall(r"Computed in \d+\.\d ms", text)) == len(KEYS)


def test_without_a_chosen_network_the_page_asks_for_one(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw()
    app = open_page("pages/draw.py", checkpoint="")
    assert [info.value for info in app.info] == ["Choose a network to see its prediction."]
    assert canvas.data["words"]["none"] == "No network chosen."
    assert "No network chosen." in plain(open_page("pages/draw.py", checkpoint="", source="data"))


def test_chosen_networks_are_kept_in_the_link(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py")
    app.multiselect(key="choice-checkpoint").set_value(["resnet-mini-mnist"]).run()
    again = open_page("pages/draw.py", **app.query_params)
    for page in (app, again):
        assert [network["id"] for network in in_browser(page)["networks"]] == ["resnet-mini-mnist"]


def test_a_cleared_canvas_has_no_drawing_here_either(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw()
    app = open_page("pages/draw.py")
    assert "Centred" in plain(app)
    canvas.draw(image=None, picture=None)
    app.run()
    assert "Centred" not in plain(app)
    assert "The canvas is empty" in app.info[0].value
    assert app.session_state["drawn"] is None


def test_damaged_weights_get_a_sentence_and_the_others_go_on(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    weights = shipped / "inception-mini-mnist.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    canvas.draw()
    app = open_page("pages/draw.py", inside="basic-cnn-mnist")
    assert len(app.error) == 1
    assert "inception-mini-mnist" in app.error[0].value
    told = in_browser(app)
    assert [network["id"] for network in told["networks"]] == ["basic-cnn-mnist", "resnet-mini-mnist"]
    read = [str(KEYS.index("basic-cnn")), str(KEYS.index("resnet-mini"))]
    assert verdicts(open_page("pages/draw.py", source="data")) == read


def test_damaged_facts_get_a_sentence_and_the_others_go_on(open_page: OpenPage, shipped: Path) -> None:
    (shipped / "basic-cnn-mnist.json").write_text("{")
    app = open_page("pages/draw.py")
    assert "basic-cnn-mnist" in app.warning[0].value
    assert len(in_browser(app)["networks"]) == len(KEYS) - 1


def test_without_any_network_the_way_to_one_is_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canvas: Canvas
) -> None:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path))
    canvas.draw()
    app = open_page("pages/draw.py")
    assert "No network has been trained on MNIST yet" in app.info[0].value
    assert not verdicts(app)


def test_link_with_an_unknown_checkpoint_gets_a_sentence(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", checkpoint="basic-cn-mnist")
    assert "did you mean 'basic-cnn-mnist'" in app.warning[0].value


@pytest.mark.parametrize(
    "change",
    [
        {"picture": "data:image/png;base64,AAAA"},
        {"picture": None},
        {"picture": "x" * 500_000},
        {"image": "AAAA"},
        {"image": "?"},
        {"redrawn": 3},
    ],
)
def test_damaged_drawing_gets_a_sentence(
    open_page: OpenPage, shipped: Path, canvas: Canvas, change: dict[str, Any]
) -> None:
    canvas.draw(**change)
    app = open_page("pages/draw.py")
    assert [error.value for error in app.error] == ["The drawing could not be read. Draw it again."]
    assert "Centred" not in plain(app)


def test_checkpoint_of_an_unknown_data_set_is_not_offered(open_page: OpenPage, shipped: Path) -> None:
    facts = shipped / "basic-cnn-mnist.json"
    facts.write_text(facts.read_text().replace('"dataset": "mnist"', '"dataset": "letters"'))
    assert len(in_browser(open_page("pages/draw.py"))["networks"]) == len(KEYS) - 1


def test_a_networks_own_way_of_training_names_it(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    save_constant(shipped, "mlp", 4, checkpoint_id="mlp-mnist-augmented")
    app = open_page("pages/draw.py")
    assert "MLP · augmented" in app.multiselect(key="choice-checkpoint").options


def test_the_way_from_the_picture_to_the_networks_is_shown(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw()
    text = plain(open_page("pages/draw.py"))
    for stage in ("Picture", "Ink", "Bounding box", "Scaled", "Centred"):
        assert stage in text
    assert "The ink fills 230 x 20 pixels" in text
    assert "20 x 2." in text


def test_the_canvas_gets_example_digits(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    open_page("pages/draw.py")
    assert canvas.data["examples"] == example_points()


def test_the_drawing_survives_a_visit_to_another_page(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw(200)
    app = open_page("pages/draw.py")
    session = canvas.data["session"]
    canvas.told = None  # the browser has told it already
    app.switch_page("app.py").run()
    app.switch_page("pages/draw.py").run()
    assert canvas.data["session"] == session
    assert "The ink fills 200 x 20 pixels" in plain(app)


def test_the_pen_is_as_wide_as_it_was_before_a_visit_to_another_page(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    app = open_page("pages/draw.py")
    app.slider(key="pen").set_value(28).run()
    app.query_params.clear()  # as the menu's links have it
    app.switch_page("app.py").run()
    app.switch_page("pages/draw.py").run()
    assert canvas.data["pen"] == 28
    assert app.query_params["pen"] in ("28", ["28"])


def test_the_pen_of_the_link_is_the_canvas_s(open_page: OpenPage, shipped: Path, canvas: Canvas) -> None:
    open_page("pages/draw.py", pen="30")
    assert (canvas.data["pen"], canvas.data["usual"]) == (30, 24)


def test_a_drawing_that_was_drawn_again_with_a_finer_pen_is_shown_so(
    open_page: OpenPage, shipped: Path, canvas: Canvas
) -> None:
    canvas.draw(200)
    assert canvas.told is not None
    finer = canvas.told["picture"]
    canvas.draw(30, redrawn=finer)
    app = open_page("pages/draw.py")
    assert "with a thinner pen" in plain(app)
    assert "The ink fills 200 x 20 pixels" in plain(app)


def photo(size: tuple[int, int] = (120, 160)) -> bytes:
    """A file with a dark 1 on light paper."""
    page = np.full(size, 220, np.uint8)
    page[20 : size[0] - 20, size[1] // 2 - 4 : size[1] // 2 + 4] = 30
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    return file.getvalue()


def uploaded(app: AppTest, name: str, data: bytes) -> AppTest:
    return app.file_uploader(key="upload").set_value((name, data, "image/png")).run()


def test_a_photo_is_read_like_a_drawing(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", source="file")
    assert not verdicts(app)
    uploaded(app, "one.png", photo())
    assert verdicts(app) == [str(digit) for digit in range(len(KEYS))]
    assert "The ink fills 80 x 8 pixels" in plain(app)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


DIGIT = Image.open(io.BytesIO(photo()))
BLANK = Image.new("L", (30, 30), 200)
REFUSED = {
    "notes.png": (b"seven", "as an image; use a PNG or JPEG file"),
    "empty.png": (b"", "as an image; use a PNG or JPEG file"),
    "cut.png": (photo()[:60], "cut.png"),
    "large.png": (encoded(Image.new("1", (8_000, 5_000)), "PNG"), "more than 25,000,000 pixels"),
}
WITHOUT_A_DIGIT = {
    "pixel.png": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "blank.png": encoded(BLANK, "PNG"),
    "nothing.png": encoded(Image.new("RGBA", (30, 30)), "PNG"),
}
READ = {
    "moving.gif": encoded(DIGIT, "GIF", save_all=True, append_images=[BLANK]),
    "print.tif": encoded(DIGIT.convert("CMYK"), "TIFF"),
    "deep.png": encoded(Image.fromarray(np.asarray(DIGIT).astype(np.uint16) * 256), "PNG"),
    "alpha.png": encoded(DIGIT.convert("RGBA"), "PNG"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_gets_a_sentence(open_page: OpenPage, shipped: Path, name: str) -> None:
    data, sentence = REFUSED[name]
    app = uploaded(open_page("pages/draw.py", source="file"), name, data)
    assert [sentence in error.value.replace("\\", "") for error in app.error] == [True]
    assert not verdicts(app)


@pytest.mark.parametrize("name", WITHOUT_A_DIGIT)
def test_a_picture_without_a_digit_gets_a_sentence(open_page: OpenPage, shipped: Path, name: str) -> None:
    app = uploaded(open_page("pages/draw.py", source="file"), name, WITHOUT_A_DIGIT[name])
    assert any("No digit found in this picture" in info.value for info in app.info)
    assert not app.error
    assert not verdicts(app)


@pytest.mark.parametrize("name", READ)
def test_pictures_of_every_kind_are_read(open_page: OpenPage, shipped: Path, name: str) -> None:
    app = uploaded(open_page("pages/draw.py", source="file"), name, READ[name])
    assert not app.error
    assert verdicts(app) == [str(digit) for digit in range(len(KEYS))]


def test_a_file_above_the_limit_is_not_decoded(
    open_page: OpenPage, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnviz.drawing.pictures.MAX_BYTES", 100)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded"))
    app = uploaded(open_page("pages/draw.py", source="file"), "one.png", photo())
    assert "the limit is 100" in app.error[0].value


def garment(ground: int, piece: int) -> bytes:
    """A file with a picture of something on even ground, higher than wide."""
    page = np.full((140, 90, 3), ground, np.uint8)
    page[20:120, 30:60] = piece
    return encoded(Image.fromarray(page), "PNG")


@pytest.mark.parametrize(
    ("ground", "piece", "sentence"),
    [(250, 40, "converted to greyscale and inverted"), (10, 200, "bright on dark, like Fashion-MNIST")],
)
def test_clothes_are_shown_as_given_and_as_the_networks_get_them(
    open_page: OpenPage, shipped: Path, ground: int, piece: int, sentence: str
) -> None:
    save_constant(shipped, "lenet-bn", 3, "fashion-mnist")
    app = open_page("pages/draw.py", task="fashion-mnist", source="file")
    uploaded(app, "dress.png", garment(ground, piece))
    assert "Your input: 140 x 90 pixels" in plain(app)
    assert sentence in plain(app)
    given, _, got = pictures(app)
    assert (given.size, given.mode, got.size, got.mode) == ((90, 140), "RGB", (28, 28), "L")
    got_pixels = np.asarray(got)
    assert got_pixels[:, 14].min() > 100
    assert got_pixels[:, 0].max() == 0


def pictures(app: AppTest) -> list[Image.Image]:
    """The pictures of the stages."""
    bodies = [element.proto.body for element in app.main.get("html") if "<figure" in element.proto.body]
    found = re.findall(r"data:image/png;base64,([^\"]+)", bodies[0])
    return [Image.open(io.BytesIO(base64.b64decode(code))) for code in found]


def test_a_colour_picture_is_shown_as_given_and_as_the_networks_get_it(
    open_page: OpenPage, shipped: Path
) -> None:
    save_constant(shipped, "lenet-cifar", 8, "cifar10")
    app = open_page("pages/draw.py", task="cifar10", source="file")
    uploaded(app, "ship.png", garment(120, 240))
    assert [(found.size, found.mode) for found in pictures(app)] == [((90, 140), "RGB"), ((32, 32), "RGB")]
    assert "scaled to 32 x 32 pixels in red, green and blue" in plain(app)


def test_a_large_photo_s_stages_tell_in_which_pixels_they_count(open_page: OpenPage, shipped: Path) -> None:
    page = np.tile(np.linspace(200, 120, 900), (1200, 1))
    page[400:800, 430:470] = 20
    colours = np.dstack([page, page, page * 0.8]).astype(np.uint8)
    app = uploaded(
        open_page("pages/draw.py", source="file"), "one.png", encoded(Image.fromarray(colours), "PNG")
    )
    text = plain(app)
    assert "Your input: 1,200 x 900 pixels (height x width)" in text
    assert "The picture was first scaled to 240 x 180 pixels (height x width)" in text
    assert (found := re.search(r"about (\d+) x (\d+) of your picture", text))
    assert int(found[1]) == pytest.approx(400, abs=15)
    assert int(found[2]) == pytest.approx(40, abs=15)
    assert pictures(app)[0].mode == "RGB"


@pytest.mark.parametrize(
    ("task", "title"), [("mnist", "Draw a digit"), ("fashion-mnist", "Classify clothing")]
)
def test_the_title_says_what_is_to_be_done(open_page: OpenPage, shipped: Path, task: str, title: str) -> None:
    assert [found.value for found in open_page("pages/draw.py", task=task).title] == [title]


def test_the_source_stays_where_the_other_task_has_it(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", task="fashion-mnist", source="file")
    app.button_group(key="choice-task").set_value("cifar10").run()
    assert app.button_group(key="choice-source").value == "file"
    drawn = open_page("pages/draw.py", source="draw")
    drawn.button_group(key="choice-task").set_value("cifar10").run()
    assert drawn.button_group(key="choice-source").value == "data"
    assert not any("source" in warning.value for warning in drawn.warning)


def test_the_limit_of_pixels_is_told_before_a_file_is_chosen(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", source="file")
    assert app.file_uploader(key="upload").label == "Image file (up to 25 megapixels)"
    limit = app.file_uploader(key="upload").proto.max_upload_size_mb
    assert limit == 20 <= st.get_option("server.maxUploadSize")


def test_test_images_are_read_too(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", source="data", dataset="mnist-sample")
    assert any("Image 1 of 1,000, label" in caption.value for caption in app.caption)
    assert verdicts(app) == [str(digit) for digit in range(len(KEYS))]
    assert "Centred" not in plain(app)


def test_networks_for_colour_pictures_read_uploads_with_their_classes(
    open_page: OpenPage, shipped: Path
) -> None:
    save_constant(shipped, "lenet-cifar", 8, "cifar10")
    app = open_page("pages/draw.py", task="cifar10", source="file")
    assert app.multiselect(key="choice-checkpoint").options == ["LeNet for CIFAR-10"]
    uploaded(app, "ship.png", encoded(DIGIT.convert("RGB"), "PNG"))
    assert verdicts(app) == ["ship"]
    assert "airplane" in plain(app)
    app.button_group(key="choice-task").set_value("mnist").run()
    assert "task" not in app.query_params
    assert len(app.multiselect(key="choice-checkpoint").options) == len(KEYS)


def test_a_link_to_a_network_leads_to_its_task(open_page: OpenPage, shipped: Path) -> None:
    save_constant(shipped, "lenet-cifar", 8, "cifar10")
    app = open_page("pages/draw.py", checkpoint="lenet-cifar-cifar10")
    assert app.button_group(key="choice-task").value == "cifar10"
    assert app.multiselect(key="choice-checkpoint").value == ["lenet-cifar-cifar10"]


def test_a_task_without_networks_leads_to_training(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", task="fashion-mnist")
    assert "No network has been trained on Fashion-MNIST yet" in app.info[0].value
    assert not verdicts(app)


@pytest.mark.parametrize("view", ["maps", "why", "value"])
def test_what_happens_inside_of_a_network_is_shown(
    open_page: OpenPage, shipped: Path, canvas: Canvas, view: str
) -> None:
    canvas.draw()
    app = open_page("pages/draw.py", view=view, inside="resnet-mini-mnist")
    assert app.selectbox(key="choice-inside").value == "resnet-mini-mnist"
    assert not app.error
    shown = {
        "maps": any("Feature maps of conv1" in element.proto.body for element in app.main.get("html")),
        "why": len(app.get("plotly_chart")) > 0,
        "value": any(element.key == "pixels" for element in app.get("bidi_component")),
    }
    assert shown[view]


@pytest.mark.parametrize("parameter", ["task", "source", "view", "inside", "pen"])
def test_nonsense_in_a_link_gets_a_sentence(
    open_page: OpenPage, shipped: Path, canvas: Canvas, parameter: str
) -> None:
    canvas.draw()
    app = open_page("pages/draw.py", **{parameter: "![x](y)"})
    assert len(app.warning) == 1
    assert len(in_browser(app)["networks"]) == len(KEYS)


def test_a_network_can_be_saved_as_a_page(open_page: OpenPage, shipped: Path) -> None:
    app = open_page("pages/draw.py", source="data", checkpoint=["basic-cnn-mnist"])
    labels = [element.proto.label for element in app.get("download_button")]
    assert "Save as a page" in labels
