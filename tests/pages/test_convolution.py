from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY
from tests.pages.opening import given
from tests.speaking import spoken

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_convolution(open_page: OpenPage) -> OpenPage:
    def open_(**query: str | list[str]) -> AppTest:
        return open_page("pages/convolution.py", **query)

    return open_


def sentences(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.main.get("html")))


def walks(app: AppTest) -> list[Any]:
    return [
        found for found in app.get("bidi_component") if found.proto.component_name == "cnnviz_sliding_window"
    ]


def picture(app: AppTest) -> dict[str, Any]:
    """What the browser gets to draw."""
    (component,) = walks(app)
    data: dict[str, Any] = given(component)
    return data


def test_page_works_out_one_layer(open_convolution: OpenPage) -> None:
    app = open_convolution()
    assert "(10 - 3)/1 + 1 = 8" in sentences(app)
    assert "Output: 8 x 8" in sentences(app)
    assert "(3 x 3 x 1 + 1) x 8 = 80" in sentences(app)
    assert "3 x 3 x 1 x 8 x 8 x 8 = 4,608" in sentences(app)
    layer = picture(app)["layer"]
    assert (layer["mode"], layer["rows"], layer["columns"]) == ("sum", 8, 8)
    assert [len(plane) for plane in layer["planes"]] == [100]
    assert layer["kernels"] == [[-1, 0, 1] * 3]
    assert not app.warning


def test_a_change_goes_through_the_formula_the_picture_and_the_link(open_convolution: OpenPage) -> None:
    app = open_convolution()
    app.number_input(key="kernel").set_value(5).run()
    app.number_input(key="height").set_value(12).run()
    app.selectbox(key="choice-padding").set_value("2").run()
    assert app.query_params == {"kernel": "5", "height": "12", "padding": "2"}
    assert "height: (12 + 2*2 - 5)/1 + 1 = 12" in sentences(app)
    assert "width: (10 + 2*2 - 5)/1 + 1 = 10" in sentences(app)
    layer = picture(app)["layer"]
    assert (layer["rows"], layer["columns"], layer["top"], layer["right"]) == (12, 10, 2, 2)
    assert app.code[0].value == "nn.Conv2d(1, 8, kernel_size=5, padding=2)"


def test_same_padding_says_when_it_is_uneven_and_when_it_is_impossible(open_convolution: OpenPage) -> None:
    app = open_convolution(padding="same", kernel="4")
    assert "1 at the top and left, but 2 at the bottom and right" in sentences(app)
    assert "(10 + 3 - 4)/1 + 1 = 10" in sentences(app)
    assert picture(app)["layer"]["bottom"] == 2
    app.number_input(key="stride").set_value(2).run()
    assert "does not work with stride 2" in app.error[0].value
    assert "120,422,400" in sentences(app)  # the rest of the page goes on


def test_an_unused_border_is_named_and_mended_by_a_button(open_convolution: OpenPage) -> None:
    app = open_convolution(stride="2")
    assert "19 of 100 input pixels are never read" in sentences(app)
    assert picture(app)["layer"]["unread_rows"] == [9]
    labels = [button.label for button in app.button if str(button.key).startswith("remedy")]
    assert labels == ["input 9 x 9", "input 11 x 11", "stride 1", "padding 1"]
    app.button(key="remedy-1").click().run()
    assert app.query_params == {"stride": "2", "height": "11", "width": "11"}
    assert "never read" not in sentences(app)
    assert app.number_input(key="height").value == 11


def test_rounding_up_is_offered_for_pooling(open_convolution: OpenPage) -> None:
    app = open_convolution(layer="max-pooling", height="7", width="7")
    assert "⌊(7 - 2)/2⌋ + 1 = 3" in sentences(app)
    button = next(button for button in app.button if button.label == "round up")
    button.click().run()
    assert app.query_params["rounding"] == "up"
    assert "⌈(7 - 2)/2⌉ + 1 = 4" in sentences(app)
    assert "extends 1 past the input" in sentences(app)
    layer = picture(app)["layer"]
    assert (layer["mode"], layer["beyond_rows"], layer["kernels"]) == ("max", 1, [])
    assert app.code[0].value == "nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)"


def test_average_pooling_has_no_dilation_and_no_kernel(open_convolution: OpenPage) -> None:
    app = open_convolution(layer="average-pooling", dilation="3")
    assert picture(app)["layer"]["mode"] == "mean"
    assert picture(app)["layer"]["dilation"] == 1
    assert not {"dilation", "bias"} & {widget.key for widget in app.number_input}
    assert "choice-weights" not in {widget.key for widget in app.selectbox}


def test_an_rgb_image_has_a_slice_of_the_kernel_for_each_channel(open_convolution: OpenPage) -> None:
    app = open_convolution()
    app.button_group(key="choice-layer").set_value("rgb").run()
    assert app.query_params == {"layer": "rgb"}
    assert "(3 x 3 x 3 + 1) x 8 = 224" in sentences(app)
    app.selectbox(key="choice-mix").set_value("red-green").run()
    layer = picture(app)["layer"]
    red, green, blue = layer["kernels"]
    assert red == [-weight for weight in green]
    assert not any(blue)
    assert len(layer["planes"]) == 3
    assert layer["names"] == ["Red", "Green", "Blue"]


def test_link_restores_everything(open_convolution: OpenPage) -> None:
    link = {
        "layer": "rgb", "height": "9", "width": "8", "kernel": "2", "stride": "3", "padding": "1", "dilation": "2",
        "in": "5", "maps": "7", "input": "digit-4", "weights": "own", "own": "1 2 / 3 -4.5", "mix": "red",
        "bias": "-2.5", "at": "2-3", "speed": "0.5", "channels": "64", "map": "14", "window": "3", "outputs": "8",
        "reduced": "4",
    }  # fmt: skip
    app = open_convolution(**link)
    assert not app.warning
    assert not app.error
    data = picture(app)
    layer = data["layer"]
    assert layer["kernels"] == [[1, 2, 3, -4.5], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert (layer["height"], layer["width"], layer["stride"], layer["dilation"]) == (9, 8, 3, 2)
    assert (layer["bias"], data["speed"]) == (-2.5, 0.5)
    assert data["at"] == layer["columns"] + 2
    assert "nn.Conv2d(5, 7, kernel_size=2, stride=3, padding=1, dilation=2)" in [c.value for c in app.code]
    assert "3 x 3 x 64 x 8 x 14 x 14 = 903,168" in sentences(app)
    assert app.query_params == link
    assert picture(open_convolution(**app.query_params)) == data


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("layer", "pooling", "did you mean 'max-pooling'"),
        ("height", "0", "from 1 to 1,024"),
        ("width", "-3", "from 1 to 1,024"),
        ("kernel", "1e999", "from 1 to 11"),
        ("stride", "9" * 500, "from 1 to 16"),
        ("dilation", "two", "from 1 to 8"),
        ("padding", "sane", "did you mean 'same'"),
        ("in", "1.5", "from 1 to 4,096"),
        ("bias", "nan", "from -99 to 99"),
        ("input", "dog", "Unknown picture 'dog'"),
        ("weights", "x'\n\n![a](https://evil.example/x.png)", "Unknown kernel"),
        ("at", "9-1", "not a position in the 8 x 8 output"),
        ("at", "²-1", "not a position in the"),
        ("at", "", "not a position in the"),
        ("speed", "3", "0.5, 1, 2"),
        ("reduced", "0", "from 1 to 4,096"),
    ],
)
def test_nonsense_in_a_link_gets_a_sentence(
    open_convolution: OpenPage, name: str, value: str, said: str
) -> None:
    app = open_convolution(**{name: value})
    assert [said in warning.value for warning in app.warning] == [True]
    assert not app.error
    assert picture(app)["layer"]["rows"] == 8


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"kernel": "11"}, "The 11 x 11 kernel is larger than the 10 x 10 input"),
        ({"layer": "max-pooling", "padding": "2"}, "Padding 2 is more than half"),
        ({"layer": "average-pooling", "padding": "same"}, "needs a number as padding"),
        ({"weights": "own", "own": "1 2 3"}, "must be written as 3 rows of 3 numbers"),
        ({"weights": "own", "own": "1 0 0 / 0 [x](y) 0 / 0 0 1"}, "A kernel weight must be a number"),
        ({"kernel": "1", "weights": "sharpen"}, "Sharpen compares neighbouring pixels"),
    ],
)
def test_what_cannot_be_computed_gets_a_sentence(
    open_convolution: OpenPage, query: dict[str, str], said: str
) -> None:
    app = open_convolution(**query)
    assert [said in error.value for error in app.error] == [True]
    assert "120,422,400" in sentences(app)


def test_own_weights_are_read_and_kept(open_convolution: OpenPage) -> None:
    app = open_convolution(kernel="2")
    app.selectbox(key="choice-weights").set_value("own").run()
    assert app.text_input(key="own").value == "-1 1 / -1 1"
    app.text_input(key="own").set_value("0, 1 / 2, 3").run()
    assert picture(app)["layer"]["kernels"] == [[0, 1, 2, 3]]
    assert app.query_params["own"] == "0, 1 / 2, 3"


def test_a_kernel_of_one_pixel_begins_with_a_kernel_that_exists(open_convolution: OpenPage) -> None:
    app = open_convolution(kernel="1")
    assert not app.error
    assert picture(app)["layer"]["kernels"] == [[1]]


def test_every_example_shows_something(open_convolution: OpenPage) -> None:
    app = open_convolution(lang="zh", stride="3", at="1-1")
    examples = [button for button in app.button if str(button.key).startswith("example-")]
    assert len(examples) > 3
    for button in examples:
        with spoken("zh"):  # AppTest asks the widgets for their texts here, outside of the page
            app.button(key=button.key).click().run()
        assert not app.exception
        assert not app.error
        assert not app.warning
        assert picture(app)["layer"]["rows"] > 0
        assert app.query_params["lang"] == "zh"
        assert "at" not in app.query_params


def test_inputs_too_large_for_the_picture_are_worked_out_all_the_same(open_convolution: OpenPage) -> None:
    app = open_convolution(height="512", width="300", stride="2")
    assert "up to 256 x 256" in app.info[0].value
    assert not walks(app)
    assert "⌊(512 - 3)/2⌋ + 1 = 255" in sentences(app)


@pytest.mark.parametrize(
    ("reduced", "verdict"),
    [("16", "9.7 times fewer"), ("155", "No saving"), ("4096", "No saving")],
)
def test_saving_of_a_1x1_convolution(open_convolution: OpenPage, reduced: str, verdict: str) -> None:
    app = open_convolution()
    app.number_input(key="reduced").set_value(int(reduced)).run()
    assert verdict in sentences(app)
    assert "5 x 5 x 192 x 32 x 28 x 28 = 120,422,400" in sentences(app)


IMPORTS_NO_TORCH = """
import sys
from streamlit.testing.v1 import AppTest
from cnnviz.ui.shared import background
from tests.speaking import spoken
from tests.pages.opening import given

background.QUIET_SECONDS = background.LONGEST_WAIT_SECONDS = 3600
app = AppTest.from_file({app!r}, default_timeout=30)
app.switch_page("pages/convolution.py")
app.run()
assert not app.exception, app.exception
assert any("sliding_window" in found.proto.component_name for found in app.get("bidi_component"))
assert "torch" not in sys.modules
"""


def test_page_needs_no_torch() -> None:
    script = IMPORTS_NO_TORCH.format(app=str(PROJECT_DIRECTORY / "app.py"))
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PROJECT_DIRECTORY, timeout=120)
