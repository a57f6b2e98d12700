from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz.drawing import images, to_mnist
from cnnviz.drawing.images import ImageFileError, load_drawing, read_drawing


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
    monkeypatch.setattr(images, "MAX_PIXELS", 19_999)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageFileError, match="19,999 pixels"):
        load_drawing(path)
    monkeypatch.setattr(images, "MAX_BYTES", 10)
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
    assert np.array_equal(read_drawing(data, "mine.png"), load_drawing(path))
    with pytest.raises(ImageFileError, match=r"mine\.png is damaged"):
        read_drawing(data[:-30], "mine.png")
    with pytest.raises(ImageFileError, match=r"Cannot read notes\.txt as an image"):
        read_drawing(b"7", "notes.txt")
    monkeypatch.setattr(images, "MAX_PIXELS", 99)
    with pytest.raises(ImageFileError, match="99 pixels"):
        read_drawing(data, "mine.png")
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match="the limit is 10"):
        read_drawing(data, "mine.png")
