import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnviz.plots import mosaic

sizes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))


@given(shape=sizes, gaps=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_every_value_has_one_place_and_maps_stay_whole(
    shape: tuple[int, int, int], gaps: tuple[int, int]
) -> None:
    where = mosaic.layout(*shape, gaps)
    count, height, width = shape
    values = where[where != mosaic.GAP]
    assert sorted(values.tolist()) == list(range(count * height * width))
    across = mosaic.columns(count)
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
    assert mosaic.columns(count) == across
    assert count % across == 0


@given(count=st.integers(1, 4096))
def test_columns_are_never_too_many(count: int) -> None:
    assert 1 <= mosaic.columns(count) <= 16


def test_mosaic_puts_zero_in_the_middle_and_gaps_outside() -> None:
    values = np.array([[[-2.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]], np.float32)
    picture = mosaic.mosaic(values, 2.0, side=4, gap=2)
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
    picture = mosaic.mosaic(values, 1.0)
    assert picture.dtype == np.uint8
    assert picture.min() <= 1
    assert picture.max() == 255
    assert picture.size < 600_000
    if len(shape) == 3 and shape[1] > 1:
        assert picture.shape[1] >= 240


@pytest.mark.parametrize("dark", [False, True])
def test_png_has_the_theme_s_colours_and_transparent_gaps(dark: bool) -> None:
    picture = np.array([[0, 1, 128, 255]], np.uint8)
    image = Image.open(io.BytesIO(mosaic.png(picture, dark))).convert("RGBA")
    gap, negative, zero, positive = (image.getpixel((column, 0)) for column in range(4))
    assert gap[3] == 0
    assert negative[2] > negative[0]  # blue
    assert positive[0] > positive[2]  # red
    assert max(zero[:3]) - min(zero[:3]) < 20  # grey
    assert (sum(zero[:3]) < 150) == dark


def test_a_map_of_zeros_or_of_no_numbers_is_drawn() -> None:
    assert (mosaic.mosaic(np.zeros((1, 3, 3), np.float32), 0.0) == 128).all()
    broken = np.full((1, 2, 2), np.nan, np.float32)
    broken[0, 0, 0] = 1
    assert sorted(set(mosaic.mosaic(broken, 1.0).reshape(-1).tolist())) == [0, 255]


def test_large_maps_shrink_to_means() -> None:
    values = np.zeros((1, 6, 6), np.float32)
    values[0, :2, :2] = 4.0
    values[0, 4, 4] = 1.0
    assert mosaic.shrunk(values, 3).tolist() == [[[4, 0, 0], [0, 0, 0], [0, 0, 0.25]]]
    assert mosaic.shrunk(values, 6) is values
    assert mosaic.shrunk(np.ones((2, 7, 5), np.float32), 3).tolist() == np.ones((2, 3, 2)).tolist()


@pytest.mark.parametrize("shape", [(64, 224, 224), (128, 56, 56), (512, 28, 28), (4096,)])
def test_pictures_of_large_layers_stay_small(shape: tuple[int, ...]) -> None:
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    assert mosaic.mosaic(values, 1.0).size < 2_500_000


def test_a_tile_keeps_its_values_and_shrinks_where_it_is_large() -> None:
    assert mosaic.tile(np.array([[-1, 0, 1]], np.float32), 1.0).tolist() == [[1, 128, 255]]
    assert mosaic.tile(np.ones((224, 224), np.float32), 1.0, side=96).shape == (75, 75)
