from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.drawing import Prepared, to_mnist

Image = NDArray[np.uint8]
BLACK, WHITE = (0, 0, 0, 255), (255, 255, 255, 255)


def canvas(height: int, width: int, background: tuple[int, ...] = BLACK) -> Image:
    return np.full((height, width, 4), background, np.uint8)


def seven(unit: int, ink: tuple[int, ...] = WHITE, background: tuple[int, ...] = BLACK) -> Image:
    """A 7 of straight strokes, 6 x 9 units, in a canvas that just holds it."""
    image = canvas(9 * unit, 6 * unit, background)
    image[: 2 * unit] = ink
    image[2 * unit :, 3 * unit : 5 * unit] = ink
    return image


def placed(drawing: Image, height: int, width: int, top: int, left: int) -> Image:
    """``drawing`` on a larger canvas of the same background, which is the drawing's lower left pixel."""
    image = canvas(height, width, tuple(drawing[-1, 0]))
    image[top : top + drawing.shape[0], left : left + drawing.shape[1]] = drawing
    return image


def prepared(image: Image, background: tuple[int, int, int, int] | None = None) -> Prepared:
    result = to_mnist(image, background)
    assert result is not None
    return result


def centre_of_mass(image: Image) -> tuple[float, ...]:
    mass = image.astype(float)
    return tuple(float(mass.sum(axis=1 - axis) @ np.arange(28) / mass.sum()) for axis in (0, 1))


@given(unit=st.integers(5, 30), top=st.integers(0, 90), left=st.integers(0, 90), extra=st.integers(0, 90))
@settings(deadline=None, max_examples=60)
def test_size_and_position_do_not_matter(unit: int, top: int, left: int, extra: int) -> None:
    expected = prepared(placed(seven(20), 280, 280, 50, 80)).image.astype(int)
    drawing = seven(unit)
    height, width = top + drawing.shape[0] + 1 + extra, left + drawing.shape[1] + 1
    image = prepared(placed(drawing, height, width, top, left)).image
    assert np.abs(image - expected).max() <= 1


@pytest.mark.parametrize(
    ("ink", "background"),
    [
        (BLACK, WHITE),
        ((200, 30, 30, 255), (255, 250, 220, 255)),
        ((0, 0, 255, 255), (255, 255, 0, 255)),
        ((0, 0, 0, 255), (0, 0, 0, 0)),
        ((255, 255, 255, 255), (0, 0, 0, 0)),
        ((255, 255, 255, 255), (255, 255, 255, 0)),
        ((90, 90, 90, 255), BLACK),
        ((255, 255, 255, 120), (0, 0, 0, 0)),
    ],
)
def test_colours_and_transparency_do_not_matter(ink: tuple[int, ...], background: tuple[int, ...]) -> None:
    expected = prepared(placed(seven(10), 200, 200, 30, 40)).image
    image = prepared(placed(seven(10, ink, background), 200, 200, 30, 40)).image
    np.testing.assert_array_equal(image, expected)


def test_half_covered_edges_stay_half_on_a_transparent_canvas() -> None:
    image = canvas(40, 40, (0, 0, 0, 0))
    image[10:30, 10:30] = (0, 0, 0, 255)
    image[10:30, 30] = (0, 0, 0, 128)
    assert prepared(image).ink[20, 30] == pytest.approx(0.5, abs=0.01)


def test_stages_are_those_of_mnist() -> None:
    result = prepared(placed(seven(11), 300, 400, 120, 9))
    assert result.box == (120, 9, 99, 66)
    assert result.scaled.shape == (20, 13)
    assert result.image.shape == (28, 28)
    assert result.image.dtype == np.uint8
    assert result.image.max() == 255
    assert all(13.5 <= centre <= 14.5 for centre in centre_of_mass(result.image))


@pytest.mark.parametrize("background", [BLACK, WHITE, (0, 0, 0, 0), (255, 255, 255, 0), (7, 130, 200, 90)])
def test_empty_canvas_is_none(background: tuple[int, int, int, int]) -> None:
    assert to_mnist(canvas(280, 280, background)) is None
    assert to_mnist(canvas(280, 280, background), background) is None
    assert to_mnist(canvas(0, 0)) is None
    assert to_mnist(canvas(1, 1, background)) is None


def test_faint_noise_is_no_drawing() -> None:
    noise = np.random.default_rng(1).integers(245, 256, (100, 100, 4)).astype(np.uint8)
    noise[..., 3] = 255
    assert to_mnist(noise) is None


def test_noise_around_a_drawing_does_not_move_its_box() -> None:
    image = placed(seven(10, BLACK, WHITE), 200, 200, 60, 70)
    noise = np.random.default_rng(1).integers(0, 16, (200, 200, 1))
    image[..., :3] = np.clip(image[..., :3].astype(int) - noise, 0, 255)
    assert prepared(image).box == (60, 70, 90, 60)


def test_canvas_full_of_ink_where_the_background_is_known() -> None:
    result = prepared(canvas(280, 280, WHITE), BLACK)
    assert result.scaled.shape == (20, 20)
    assert result.image[4:24, 4:24].min() == 255
    assert result.image.sum() == 400 * 255


def test_lopsided_drawing_keeps_all_its_ink() -> None:
    image = canvas(200, 200)
    image[:, :150] = WHITE
    image[90, :] = WHITE
    result = prepared(image, BLACK)
    assert result.image.sum() == pytest.approx(float(result.scaled.sum()) * 255, rel=0.01)


@given(height=st.integers(1, 60), width=st.integers(1, 60), data=st.data(), thick=st.integers(1, 60))
@settings(deadline=None, max_examples=100)
def test_never_fails_for_any_rectangle(height: int, width: int, thick: int, data: st.DataObject) -> None:
    image = canvas(height, width)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    image[top : top + thick, left : left + thick] = WHITE
    result = prepared(image, BLACK)
    assert max(result.scaled.shape) == 20
    assert result.image.max() == 255
    assert np.isfinite(result.scaled).all()


@given(st.integers(1, 12), st.integers(1, 12), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_never_fails_for_any_pixels(height: int, width: int, random) -> None:  # type: ignore[no-untyped-def]
    image = np.frombuffer(random.randbytes(height * width * 4), np.uint8).reshape(height, width, 4)
    result = to_mnist(image)
    assert result is None or result.image.max() == 255


def test_single_pixel_of_a_huge_canvas() -> None:
    image = canvas(3000, 4000)
    image[2999, 3999] = WHITE
    result = prepared(image)
    assert result.box == (2999, 3999, 1, 1)
    assert result.scaled.shape == (20, 20)


def test_long_line_keeps_a_pixel_of_width() -> None:
    image = canvas(300, 300)
    image[150, 10:290] = WHITE
    assert prepared(image).scaled.shape == (1, 20)


def test_real_digits_redrawn_come_out_nearly_unchanged() -> None:
    """Big and off centre, each pixel a block, as exact as a drawing can be."""
    digits = datasets.load("mnist-sample").test_images.numpy()[::5, 0]
    differences, centres = [], []
    for index, digit in enumerate(digits):
        big = np.kron(digit, np.ones((9, 9), np.uint8))
        drawing = np.stack([big, big, big, np.full_like(big, 255)], axis=-1)
        image = prepared(placed(drawing, 420, 500, index % 160, (index * 7) % 240)).image
        differences.append(np.abs(image.astype(int) - digit).mean())
        centres.append(centre_of_mass(image))
    # Grey levels run from 0 to 255. Ties in rounding the centre shift a few digits by a whole pixel.
    assert np.median(differences) < 1
    assert np.mean(differences) < 3
    assert np.mean(centres) == pytest.approx(14.0, abs=0.05)
