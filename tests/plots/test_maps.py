import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnviz.plots import maps

sizes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))


@given(shape=sizes, gaps=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_every_value_has_one_place_and_maps_stay_whole(
    shape: tuple[int, int, int], gaps: tuple[int, int]
) -> None:
    where = maps.layout(*shape, gaps)
    count, height, width = shape
    values = where[where != maps.GAP]
    assert sorted(values.tolist()) == list(range(count * height * width))
    across = maps.columns(count)
    for index in range(count):
        top, left = index // across * (height + gaps[0]), index % across * (width + gaps[1])
        tile = where[top : top + height, left : left + width]
        assert (
            tile.tolist()
            == (np.arange(height * width).reshape(height, width) + index * height * width).tolist()
        )


@pytest.mark.parametrize(
    ("count", "across"), [(1, 1), (10, 5), (16, 8), (20, 10), (24, 8), (32, 8), (88, 11)]
)
def test_the_course_s_numbers_of_maps_fill_their_rows(count: int, across: int) -> None:
    assert maps.columns(count) == across
    assert count % across == 0


@given(count=st.integers(1, 4096))
def test_columns_are_never_too_many(count: int) -> None:
    assert 1 <= maps.columns(count) <= 16


def test_mosaic_puts_zero_in_the_middle_and_gaps_outside() -> None:
    values = np.array([[[-2.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]], np.float32)
    picture = maps.mosaic(values, 2.0, side=4, gap=2)
    scale = (picture.shape[1] - 2) // 4
    assert picture[0, 0] == 1
    assert picture[0, scale] == 128
    assert picture[scale, scale] == 255
    assert picture[scale, 0] == 192  # half way
    assert (picture[:, 2 * scale : 2 * scale + 2] == 0).all()
    assert (picture[:, 2 * scale + 2 :] == 128).all()


@pytest.mark.parametrize(
    "shape", [(10, 24, 24), (88, 12, 12), (20, 4, 4), (1408,), (10,), (13,), (3, 5), (512, 1, 1), (1, 28, 28)]
)
def test_pictures_of_all_shapes_are_small_and_complete(shape: tuple[int, ...]) -> None:
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    picture = maps.mosaic(values, 1.0)
    assert picture.dtype == np.uint8
    assert picture.min() <= 1
    assert picture.max() == 255
    assert picture.size < 600_000
    if len(shape) == 3 and shape[1] > 1:
        assert picture.shape[1] >= 240


@pytest.mark.parametrize("dark", [False, True])
def test_png_has_the_theme_s_colours_and_transparent_gaps(dark: bool) -> None:
    picture = np.array([[0, 1, 128, 255]], np.uint8)
    image = Image.open(io.BytesIO(maps.png(picture, dark))).convert("RGBA")
    gap, negative, zero, positive = (image.getpixel((column, 0)) for column in range(4))
    assert gap[3] == 0
    assert negative[2] > negative[0]  # blue
    assert positive[0] > positive[2]  # red
    assert max(zero[:3]) - min(zero[:3]) < 20  # grey
    assert (sum(zero[:3]) < 150) == dark


def test_a_map_of_zeros_or_of_no_numbers_is_drawn() -> None:
    assert (maps.mosaic(np.zeros((1, 3, 3), np.float32), 0.0) == 128).all()
    broken = np.full((1, 2, 2), np.nan, np.float32)
    broken[0, 0, 0] = 1
    assert sorted(set(maps.mosaic(broken, 1.0).reshape(-1).tolist())) == [0, 255]


def weights(out: int = 10, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(out, channels, 5, 5)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_filter_figure_tells_every_weight_on_hover(channels: int) -> None:
    values = weights(channels=channels)
    heat = maps.filter_figure("conv1", values, "Filters", limit=3.0).data[0]
    assert (heat.zmin, heat.zmax) == (-3.0, 3.0)
    z, places = np.asarray(heat.z), np.asarray(heat.customdata)
    shown = ~np.isnan(z)
    assert shown.sum() == values.size
    assert np.array_equal(z[shown], values[tuple(places[shown].T)])
    assert len(np.unique(places[shown], axis=0)) == values.size
    assert "conv1.weight" in heat.hovertemplate
    assert "%{customdata[3]}" in heat.hovertemplate


def test_figures_have_a_title_and_numbered_maps() -> None:
    figure = maps.filter_figure("conv1", weights(), "Ten filters", limit=1.0)
    assert figure.layout.title.text == "Ten filters"
    assert list(figure.data[1].text) == [str(number) for number in range(10)]


@pytest.mark.parametrize("shape", [(16, 12, 12), (1408,), (3, 4)])
def test_maps_figure_shows_every_value_where_it_is(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    heat = maps.maps_figure(values, "Maps").data[0]
    z, places = np.asarray(heat.z), np.asarray(heat.customdata)
    shown = ~np.isnan(z)
    flat = values if values.ndim == 1 else values.reshape(-1, *values.shape[-2:])
    assert np.array_equal(z[shown], flat[tuple(places[shown].T)])
    assert shown.sum() == values.size
    assert heat.zmax == -heat.zmin == np.abs(values).max()


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
    assert "55%" in str(maps.maps_sentence("activation", 0.55))


def test_neither_torch_nor_streamlit_is_imported() -> None:
    code = "import sys, cnnviz.plots.maps; assert not {'torch', 'streamlit'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
