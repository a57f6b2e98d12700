import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnviz.plots import overlay


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5)])
def test_an_image_becomes_a_file(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = decoded(overlay.image_png(pixels))
    assert np.array_equal(found, pixels[0] if shape[0] == 1 else pixels.transpose(1, 2, 0))


def figure(values: np.ndarray, dark: bool = False) -> Any:
    image = np.zeros((1, *values.shape), np.uint8)
    image[0, 0, 0] = 255
    return overlay.attribution_figure(image, values.astype(np.float32), "Occlusion", dark=dark)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_transparent_at_zero_and_the_image_is_pale(dark: bool) -> None:
    values = np.zeros((20, 20))
    values[3, 4], values[5, 6] = 2.0, -1.0
    found = figure(values, dark)
    picture, heat = found.data
    pixels = decoded(base64.b64decode(picture.source.partition(",")[2]))
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
    assert overlay.end_of_scale(values) == 1
    lonely = np.zeros((50, 50), np.float32)
    lonely[0, 0] = 3
    assert overlay.end_of_scale(lonely) == 3
    assert overlay.end_of_scale(np.zeros((3, 3), np.float32)) == 0


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
