from __future__ import annotations

import base64
import io
import subprocess
import sys
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from cnnviz.plots import maps


def weights(out: int = 10, channels: int = 1, side: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(out, channels, side, side)).astype(np.float32)


def cells(heat: go.Heatmap) -> tuple[np.ndarray, np.ndarray]:
    """The values that are shown, and what hovering tells of each."""
    z, places = np.asarray(heat.z), np.asarray(heat.customdata)
    shown = ~np.isnan(z)
    return z[shown], places[shown]


@pytest.mark.parametrize("channels", [1, 3])
def test_filter_figure_tells_every_weight_on_hover(channels: int) -> None:
    values = weights(channels=channels)
    order = np.random.default_rng(1).permutation(10)
    figure = maps.filter_figure("conv1", values[order], "Filters", numbers=order, limit=3.0)
    heat = figure.data[0]
    assert (heat.zmin, heat.zmax) == (-3.0, 3.0)
    z, places = cells(heat)
    assert z.size == values.size
    assert np.array_equal(z, values[tuple(places.T)])
    assert len(np.unique(places, axis=0)) == values.size
    assert "conv1.weight" in heat.hovertemplate
    assert "%{customdata[3]}" in heat.hovertemplate
    assert figure.data[1].text[0] == (str(order[0]) if channels == 1 else f"{order[0]}, 0")


@pytest.mark.parametrize("side", [1, 3])
def test_slices_tell_filter_and_input_channel(side: int) -> None:
    values = weights(8, 20, side)
    numbers = np.array([19, 3, 7])
    heat = maps.slices_figure("conv2", 5, values[5, numbers], "Slices", numbers=numbers, limit=1.0).data[0]
    z, places = cells(heat)
    assert sorted(set(places[:, 1].tolist())) == [3, 7, 19]
    assert z.tolist() == [values[5, c, r, k] for _, c, r, k in places.tolist()]
    assert "Filter 5" in heat.hovertemplate


def test_colour_filters_are_grey_at_zero_and_tell_three_weights() -> None:
    values = np.zeros((2, 3, 2, 2), np.float32)
    values[1, 0] = 1.0
    values[1, 1] = -1.0
    figure = maps.colour_figure("conv1", values, "Filters", numbers=np.array([4, 9]), limit=1.0)
    picture, hover, labels = figure.data
    pixels = decoded(picture.source)
    assert pixels[0, 0].tolist() == [127, 127, 127, 255]
    assert pixels[0, 3].tolist() == [255, 0, 127, 255]  # beside a gap of one pixel
    assert pixels[0, 2].tolist() == [0, 0, 0, 0]
    assert list(labels.text) == ["4", "9"]
    told = np.asarray(hover.customdata)[0, 3].tolist()
    assert told == [9, 0, 0, 1, -1, 0]
    assert picture.hoverinfo == "skip"


def decoded(source: str) -> np.ndarray:
    import base64
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA"))


def test_figures_have_a_title_and_numbered_maps() -> None:
    figure = maps.filter_figure("conv1", weights(), "Ten filters", numbers=np.arange(10), limit=1.0)
    assert figure.layout.title.text == "Ten filters"
    assert list(figure.data[1].text) == [str(number) for number in range(10)]


@pytest.mark.parametrize("shape", [(16, 12, 12), (1408,), (3, 4)])
def test_maps_figure_shows_every_value_where_it_is(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    heat = maps.maps_figure(values, "Maps").data[0]
    z, places = cells(heat)
    flat = values if values.ndim == 1 else values.reshape(-1, *values.shape[-2:])
    assert np.array_equal(z, flat[tuple(places.T)])
    assert z.size == values.size
    assert heat.zmax == -heat.zmin == np.abs(values).max()


def test_one_map_is_shown_with_rows_and_columns_on_hover() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    heat = maps.map_figure(values, "Map 3", limit=20.0).data[0]
    assert np.array_equal(np.asarray(heat.z), values)
    assert heat.zmax == 20
    assert "%{y}" in heat.hovertemplate


def test_a_short_vector_is_a_bar_chart_with_named_axes() -> None:
    figure = maps.maps_figure(np.arange(-5, 5, dtype=np.float32), "Scores")
    assert np.asarray(figure.data[0].y).tolist() == list(range(-5, 5))
    assert figure.layout.xaxis.title.text == "output"
    assert figure.layout.yaxis.title.text == "value"
    assert figure.layout.title.text == "Scores"


def test_sentences_fit_what_is_shown() -> None:
    assert "1.50" in str(maps.filters_sentence(1.5, trained=True))
    assert "random" in str(maps.filters_sentence(0.2, trained=False))
    assert "from 0.20 to 1.50" in str(maps.filters_sentence(1.5, True, 0.2))
    assert "before training" in str(maps.filters_sentence(0.2, False, 0.2))
    assert "ReLU" in str(maps.norms_sentence(linear=False, biased=True))
    assert "no bias" in str(maps.norms_sentence(linear=False, biased=False))
    for biased in (True, False):
        assert "filter" not in str(maps.norms_sentence(linear=True, biased=biased))
    assert "55%" in str(maps.maps_sentence("activation", "relu", 0.55))
    assert "Sigmoid transforms" in str(maps.maps_sentence("activation", "Sigmoid", 0.0))
    assert "one filter" in str(maps.maps_sentence("convolution", "Conv2d", 0.0))
    assert "one value" in str(maps.maps_sentence("reshape", "flatten", 0.0))
    assert "One weight per input" in str(maps.slices_sentence((1, 1), False))
    assert "flattened" in str(maps.slices_sentence((4, 4), True))
    assert "input channel" in str(maps.slices_sentence((3, 3), False))


def test_neither_torch_nor_streamlit_is_imported() -> None:
    code = "import sys, cnnviz.plots.maps; assert not {'torch', 'streamlit'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def png_values(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5)])
def test_an_image_becomes_a_file(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = png_values(maps.image_png(pixels))
    assert np.array_equal(found, pixels[0] if shape[0] == 1 else pixels.transpose(1, 2, 0))


def figure(values: np.ndarray, dark: bool = False) -> Any:
    image = np.zeros((1, *values.shape), np.uint8)
    image[0, 0, 0] = 255
    return maps.attribution_figure(image, values.astype(np.float32), "Occlusion", dark=dark)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_transparent_at_zero_and_the_image_is_pale(dark: bool) -> None:
    values = np.zeros((20, 20))
    values[3, 4], values[5, 6] = 2.0, -1.0
    found = figure(values, dark)
    picture, heat = found.data
    pixels = png_values(base64.b64decode(picture.source.partition(",")[2]))
    assert pixels[0, 0] > pixels[0, 1]  # white stays lighter than black
    assert int(pixels[0, 0]) - int(pixels[0, 1]) < 120
    assert (pixels[0, 1] < 80) == dark
    middle = [colour for position, colour in heat.colorscale if position == 0.5]
    assert len(middle) == 2
    assert all(colour.endswith(",0)") for colour in middle)
    assert heat.zmax == -heat.zmin > 0
    assert np.asarray(heat.z)[3, 4] == 2
    assert found.layout.title.text == "Occlusion"


def test_one_strong_pixel_does_not_pale_the_others() -> None:
    values = np.ones((50, 50), np.float32)
    values[0, 0] = 1000
    assert maps.end_of_scale(values) == 1
    lonely = np.zeros((50, 50), np.float32)
    lonely[0, 0] = 3
    assert maps.end_of_scale(lonely) == 3
    assert maps.end_of_scale(np.zeros((3, 3), np.float32)) == 0


def test_nothing_at_all_is_drawn_too() -> None:
    heat = figure(np.zeros((4, 4))).data[1]
    assert heat.zmax > 0


def test_large_images_are_drawn_in_squares_where_they_belong() -> None:
    values = np.zeros((224, 224))
    values[100:102, 40:42] = 8.0
    heat = figure(values).data[1]
    z = np.asarray(heat.z)
    assert z.shape == (112, 112)
    assert z[50, 20] == 8
    assert heat.x0 + 20 * heat.dx == 40.5  # the middle of pixels 40 and 41
    assert heat.y0 + 50 * heat.dy == 100.5
