from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cnnviz.drawing import to_mnist
from cnnviz.drawing.photo import from_picture, ink_of_photo, regions
from cnnviz.drawing.prepare import Prepared
from cnnviz.drawing.strokes import Stroke, example, rendered

Light = NDArray[np.float64]
HEIGHT, WIDTH = 240, 320


def scene(name: str = "3") -> tuple[Light, Light, np.random.Generator]:
    """Ink (0..1) of a digit somewhere in a picture, and light that fades to the right."""
    strokes = [Stroke(stroke.points * 0.45 + (110, 40), 7) for stroke in example(name, 320, 7)]
    ink = rendered(strokes, WIDTH)[:HEIGHT, :, 0] / 255
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ink, 0.95 - 0.55 * across / WIDTH - 0.1 * down / HEIGHT, np.random.default_rng(2)


def taken(light: Light) -> NDArray[np.uint8]:
    """A photo of ``light``: a little blurred, yellowish."""
    grey = np.clip(light * 255, 0, 255).astype(np.uint8)
    soft = np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(0.8)))
    return np.dstack(
        [soft, (soft * 0.95).astype(np.uint8), (soft * 0.8).astype(np.uint8), np.full_like(soft, 255)]
    )


def paper() -> NDArray[np.uint8]:
    ink, light, noise = scene()
    return taken(light * (1 + noise.normal(0, 0.02, light.shape)) * (1 - 0.75 * ink))


def pencil() -> NDArray[np.uint8]:
    ink, light, noise = scene()
    return taken(light * (1 + noise.normal(0, 0.01, light.shape)) * (1 - 0.35 * ink))


def blackboard() -> NDArray[np.uint8]:
    ink, light, noise = scene()
    return taken(0.05 + light * (0.25 + 0.5 * ink) + noise.normal(0, 0.02, light.shape))


def desk() -> NDArray[np.uint8]:
    """The sheet ends within the picture."""
    ink, light, _ = scene()
    seen = light * (1 - 0.75 * ink)
    seen[:, :36], seen[220:] = 0.15, 0.2
    return taken(seen)


def ruled() -> NDArray[np.uint8]:
    ink, light, _ = scene()
    seen = light * (1 - 0.75 * ink)
    seen[::24] *= 0.9
    return taken(seen)


def dirty() -> NDArray[np.uint8]:
    ink, light, _ = scene()
    seen = light * (1 - 0.75 * ink)
    seen[20:22, 300:302] = 0.1
    return taken(seen)


def expected() -> Prepared:
    """The same digit without any photo."""
    ink, _, _ = scene()
    grey = np.rint(ink * 255).astype(np.uint8)
    found = to_mnist(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert found is not None
    return found


@pytest.mark.parametrize("photo", [paper, pencil, blackboard, desk, ruled, dirty], ids=lambda f: f.__name__)
def test_the_digit_is_found_in_a_photo(photo: Callable[[], NDArray[np.uint8]]) -> None:
    found = from_picture(photo())
    assert found is not None
    assert found.scaled.shape == expected().scaled.shape
    assert np.corrcoef(found.scaled.ravel(), expected().scaled.ravel())[0, 1] > 0.9
    assert found.image.max() == 255
    assert (found.image == 0).mean() > 0.6


@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_from_a_screen_is_taken_as_it_is(inverted: bool) -> None:
    grey = np.rint(scene()[0] * 255).astype(np.uint8)
    grey = 255 - grey if inverted else grey
    found = from_picture(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert found is not None
    np.testing.assert_array_equal(found.image, expected().image)


def test_a_digit_of_28_pixels_is_found_on_uneven_ground() -> None:
    image = expected().image
    ground = np.linspace(0, 60, 28)[None, :]
    grey = np.maximum(image, ground).astype(np.uint8)
    found = from_picture(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert found is not None
    assert np.corrcoef(found.image.ravel(), image.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (30, 400)])
def test_pictures_of_any_shape_are_read_or_refused(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 4)).astype(np.uint8)
    found = from_picture(noise)
    assert found is None or found.image.shape == (28, 28)
    assert from_picture(np.full((*shape, 4), 200, np.uint8)) is None


def test_a_sheet_without_ink_holds_no_digit() -> None:
    _, light, noise = scene()
    assert from_picture(taken(light * (1 + noise.normal(0, 0.02, light.shape)))) is None
    assert not ink_of_photo(taken(light)).any()


def test_regions_touch_at_sides_and_corners() -> None:
    mask = np.array(
        [
            [1, 0, 1, 0, 1],
            [1, 1, 1, 0, 0],
            [0, 0, 0, 1, 0],
            [1, 0, 0, 0, 0],
        ],
        bool,
    )
    found = regions(mask)
    assert (found > 0).tolist() == mask.tolist()
    assert found[0, 0] == found[0, 2] == found[1, 1] == found[2, 3]
    assert len({int(found[0, 0]), int(found[0, 4]), int(found[3, 0])}) == 3
    assert sorted(set(found.ravel().tolist())) == [0, 1, 2, 3]


def test_regions_that_meet_late_are_one() -> None:
    mask = np.array([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]], bool)
    assert set(regions(mask)[mask].tolist()) == {1}
    assert not regions(np.zeros((3, 3), bool)).any()
