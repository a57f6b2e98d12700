from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnviz.drawing.garment import from_picture


def page(ground: int, piece: int, shape: tuple[int, int] = (200, 120)) -> NDArray[np.uint8]:
    """Something twice as high as wide on even ground."""
    rgba = np.full((*shape, 4), 255, np.uint8)
    rgba[..., :3] = ground
    rgba[40:140, 20:70, :3] = piece
    return rgba


@pytest.mark.parametrize(("ground", "piece", "turned"), [(255, 51, True), (0, 204, False), (128, 26, True)])
def test_clothes_are_bright_on_black_whatever_their_ground(ground: int, piece: int, turned: bool) -> None:
    found = from_picture(page(ground, piece))
    assert (found.turned, found.cut) == (turned, True)
    assert found.image.shape == (28, 28)
    np.testing.assert_allclose(found.image[1:-1, 8:20], 204, atol=3)
    assert not found.image[:, :6].any()
    assert not found.image[:, 22:].any()


def test_an_image_of_fashion_mnist_s_own_size_stays_as_it_is() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3:20, 5:18] = np.random.default_rng(0).integers(100, 256, (17, 13))
    found = from_picture(np.dstack([image, image, image, np.full_like(image, 255)]))
    assert not found.turned
    np.testing.assert_allclose(found.image, image, atol=1)


def test_of_a_photo_the_middle_square_is_taken() -> None:
    rgba = page(255, 51)
    rgba[..., :3] -= np.linspace(0, 50, 200).astype(np.uint8)[:, None, None]
    found = from_picture(rgba)
    assert (found.turned, found.cut) == (True, False)
    assert found.image[14, 10] > 150


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (30, 400)])
@pytest.mark.parametrize("value", [0, 200, 255])
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int], value: int) -> None:
    assert not from_picture(np.full((*shape, 4), value, np.uint8)).image.any()
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 4)).astype(np.uint8)
    assert from_picture(noise).image.shape == (28, 28)
