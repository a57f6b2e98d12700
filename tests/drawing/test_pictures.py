from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter, JpegImagePlugin

from cnnviz.drawing import pictures, to_mnist
from cnnviz.drawing.pictures import (
    ImageFileError,
    digit_from_picture,
    garment_from_picture,
    ink_of_photo,
    load_drawing,
    read_reduced,
    regions,
)
from cnnviz.drawing.prepare import Prepared
from cnnviz.drawing.strokes import Stroke, example
from tests.drawing.canvas import rendered

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
    found = digit_from_picture(photo())
    assert found is not None
    assert found.scaled.shape == expected().scaled.shape
    assert np.corrcoef(found.scaled.ravel(), expected().scaled.ravel())[0, 1] > 0.9
    assert found.image.max() == 255
    assert (found.image == 0).mean() > 0.6


@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_from_a_screen_is_taken_as_it_is(inverted: bool) -> None:
    grey = np.rint(scene()[0] * 255).astype(np.uint8)
    grey = 255 - grey if inverted else grey
    found = digit_from_picture(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert found is not None
    np.testing.assert_array_equal(found.image, expected().image)


def test_a_digit_of_28_pixels_is_found_on_uneven_ground() -> None:
    image = expected().image
    ground = np.linspace(0, 60, 28)[None, :]
    grey = np.maximum(image, ground).astype(np.uint8)
    found = digit_from_picture(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert found is not None
    assert np.corrcoef(found.image.ravel(), image.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (30, 400)])
def test_pictures_of_any_shape_are_read_or_refused(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 4)).astype(np.uint8)
    found = digit_from_picture(noise)
    assert found is None or found.image.shape == (28, 28)
    assert digit_from_picture(np.full((*shape, 4), 200, np.uint8)) is None


def test_a_sheet_without_ink_holds_no_digit() -> None:
    _, light, noise = scene()
    assert digit_from_picture(taken(light * (1 + noise.normal(0, 0.02, light.shape)))) is None
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


def digit() -> np.ndarray:
    """A light 1 with a foot on black, (40, 30) uint8."""
    image = np.zeros((40, 30), np.uint8)
    image[5:35, 12:17] = 255
    image[30:35, 6:23] = 255
    return image


def forms() -> dict[str, Image.Image]:
    light = digit()
    dark = 255 - light
    palette = Image.fromarray(dark).convert("P")
    transparent = Image.fromarray(np.stack([np.zeros_like(light)] * 3 + [light], axis=-1))
    return {
        "light.png": Image.fromarray(light),
        "dark.png": Image.fromarray(dark),
        "rgb.png": Image.fromarray(dark).convert("RGB"),
        "rgba.png": transparent,
        "grey-alpha.png": transparent.convert("LA"),
        "palette.png": palette,
        "one-bit.png": Image.fromarray(dark).convert("1"),
        "sixteen.png": Image.fromarray(dark.astype(np.uint16) * 257),
        "sixteen-dim.png": Image.fromarray(dark.astype(np.uint16) * 16),
        "thirty-two.tif": Image.fromarray(dark.astype(np.int32) * 1000),
        "float.tif": Image.fromarray(dark.astype(np.float32) / 255),
        "cmyk.tif": Image.fromarray(dark).convert("CMYK"),
        "frames.gif": palette,
        "photo.jpg": Image.fromarray(dark).convert("RGB"),
        "photo.webp": Image.fromarray(dark).convert("RGB"),
    }


@pytest.mark.parametrize("name", forms())
def test_every_form_gives_the_same_digit(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    forms()[name].save(path, **({"quality": 95} if path.suffix in (".jpg", ".webp") else {}))
    expected = to_mnist(np.stack([digit()] * 3 + [np.full_like(digit(), 255)], axis=-1))
    result = to_mnist(load_drawing(path))
    assert expected is not None
    assert result is not None
    assert np.abs(result.image.astype(int) - expected.image).mean() < (
        5 if path.suffix in (".jpg", ".webp") else 0.5
    )


def test_photo_is_turned_as_the_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to the right to view it
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_drawing(tmp_path / "turned.jpg").shape == (40, 20, 4)


def test_limits_are_checked_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (200, 100)).save(path)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 19_999)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageFileError, match="19,999 pixels"):
        load_drawing(path)
    monkeypatch.setattr(pictures, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match="the limit is 10"):
        load_drawing(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(ImageFileError, match="25,000,000 pixels"):
        load_drawing(path)


@pytest.mark.parametrize("cut", [0, 20, 60, 150])
def test_truncated_files_get_a_sentence(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "digit.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ImageFileError, match=r"digit\.png"):
        load_drawing(path)


def test_what_is_no_image_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("7")
    with pytest.raises(ImageFileError, match="as an image; use a PNG or JPEG file"):
        load_drawing(tmp_path / "notes.txt")
    with pytest.raises(ImageFileError, match="does not exist"):
        load_drawing(tmp_path / "absent.png")
    with pytest.raises(ImageFileError, match="is a folder"):
        load_drawing(tmp_path)


def test_uploaded_bytes_are_read_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rgba.png"
    forms()["rgba.png"].save(path)
    data = path.read_bytes()
    assert np.array_equal(read_reduced(data, "mine.png", 1_000)[0], load_drawing(path))
    with pytest.raises(ImageFileError, match=r"mine\.png is damaged"):
        read_reduced(data[:-30], "mine.png", 1_000)
    with pytest.raises(ImageFileError, match=r"Cannot read notes\.txt as an image"):
        read_reduced(b"7", "notes.txt", 1_000)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 99)
    with pytest.raises(ImageFileError, match="99 pixels"):
        read_reduced(data, "mine.png", 1_000)
    monkeypatch.setattr(pictures, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match="the limit is 10"):
        read_reduced(data, "mine.png", 1_000)


def page(ground: int, piece: int, shape: tuple[int, int] = (200, 120)) -> NDArray[np.uint8]:
    """Something twice as high as wide on even ground."""
    rgba = np.full((*shape, 4), 255, np.uint8)
    rgba[..., :3] = ground
    rgba[40:140, 20:70, :3] = piece
    return rgba


@pytest.mark.parametrize(("ground", "piece", "turned"), [(255, 51, True), (0, 204, False), (128, 26, True)])
def test_clothes_are_bright_on_black_whatever_their_ground(ground: int, piece: int, turned: bool) -> None:
    found = garment_from_picture(page(ground, piece))
    assert (found.turned, found.cut) == (turned, True)
    assert found.image.shape == (28, 28)
    np.testing.assert_allclose(found.image[1:-1, 8:20], 204, atol=3)
    assert not found.image[:, :6].any()
    assert not found.image[:, 22:].any()


def test_an_image_of_fashion_mnist_s_own_size_stays_as_it_is() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3:20, 5:18] = np.random.default_rng(0).integers(100, 256, (17, 13))
    found = garment_from_picture(np.dstack([image, image, image, np.full_like(image, 255)]))
    assert not found.turned
    np.testing.assert_allclose(found.image, image, atol=1)


def test_of_a_photo_the_middle_square_is_taken() -> None:
    rgba = page(255, 51)
    rgba[..., :3] -= np.linspace(0, 50, 200).astype(np.uint8)[:, None, None]
    found = garment_from_picture(rgba)
    assert (found.turned, found.cut) == (True, False)
    assert found.image[14, 10] > 150


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (30, 400)])
@pytest.mark.parametrize("value", [0, 200, 255])
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int], value: int) -> None:
    assert not garment_from_picture(np.full((*shape, 4), value, np.uint8)).image.any()
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 4)).astype(np.uint8)
    assert garment_from_picture(noise).image.shape == (28, 28)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_large_picture_is_reduced_while_it_is_decoded(mode: str, file_format: str, tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 600).astype(np.uint8), (400, 1))
    image = Image.fromarray(ramp).convert("I;16" if mode == "I;16" else "RGB")
    image = image if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    try:
        image.save(file, file_format, exif=exif)
    except OSError:
        pytest.skip("there are no such files")
    rgba, size = read_reduced(file.getvalue(), "large", 40)
    assert size == (600, 400)
    assert rgba.shape[2] == 4
    assert 80 <= rgba.shape[0] < 160
    assert rgba.shape[0] * 400 == pytest.approx(rgba.shape[1] * 600, rel=0.05)
    path = tmp_path / "large"
    path.write_bytes(file.getvalue())
    whole = load_drawing(path)
    for part in (0, 1, 2, 3):
        assert float(rgba[..., part].mean()) == pytest.approx(float(whole[..., part].mean()), abs=2.5)
    small, size = read_reduced(file.getvalue(), "large", 300)
    np.testing.assert_array_equal(small, whole)


@pytest.mark.parametrize(("orientation", "size"), [(1, (1001, 1007)), (6, (1007, 1001))])
def test_the_size_of_an_almost_square_picture_is_told_as_it_is_seen(
    orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", (1007, 1001), "white").save(file, "JPEG", exif=exif)
    assert read_reduced(file.getvalue(), "almost square", 60)[1] == size


def test_a_picture_of_25_megapixels_takes_little_memory() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5000, 5000), "white").save(file, "JPEG")
    decoded: list[tuple[int, int]] = []
    load = JpegImagePlugin.JpegImageFile.load

    def watched(image: JpegImagePlugin.JpegImageFile) -> object:
        decoded.append(image.size)
        return load(image)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JpegImagePlugin.JpegImageFile, "load", watched)
        rgba, size = read_reduced(file.getvalue(), "large.jpg", 512)
    assert size == (5000, 5000)
    assert max(rgba.shape) == 1250
    assert set(decoded) == {(1250, 1250)}
