"""Figures as SVG and PNG files in an address."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnnviz.plots import palette, still

SVG = "{http://www.w3.org/2000/svg}"


def svg(address: str) -> ElementTree.Element:
    kind, _, data = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return ElementTree.fromstring(base64.b64decode(data))


def texts(figure: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in figure.iter(f"{SVG}text")]


@pytest.mark.parametrize("dark", [False, True])
def test_a_curve_goes_from_the_start_to_the_end(dark: bool) -> None:
    figure = svg(still.curves({"a <b>": [2.3, 1.15, 0.0], "c": [2.0, 2.0]}, dark))
    lines = [line.get("points") or "" for line in figure.iter(f"{SVG}polyline")]
    assert [len(line.split()) for line in lines] == [3, 2]
    heights = [float(point.split(",")[1]) for point in lines[0].split()]
    assert heights[0] < heights[1] < heights[2]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)
    assert {"0", "0.6", "2.4", "start", "end of the training", "a <b>", "c"} <= set(texts(figure))
    dashes = [line.get("stroke-dasharray") for line in figure.iter(f"{SVG}polyline")]
    assert len(set(dashes)) == 2  # told apart without colours


def test_a_matrix_has_its_numbers_and_leaves_zeros_out() -> None:
    figure = svg(still.matrix([[9, 1], [0, 10]]))
    assert sorted(texts(figure)) == sorted(
        ["what the network says", "label", "0", "0", "1", "1", "9", "1", "10"]
    )
    shades = [cell.get("fill") for cell in figure.iter(f"{SVG}rect")]
    assert shades[2] == palette.DIVERGING_LIGHT[len(palette.DIVERGING_LIGHT) // 2]
    assert shades[3] == palette.DIVERGING_LIGHT[-1]


def test_tiles_are_red_above_zero_and_blue_below() -> None:
    address = still.tiles([1, -1, 0, 0, 1, 1, -1, -1], (2, 2, 2))
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    pixels = np.asarray(image.convert("RGBA")).astype(int)
    red, blue = pixels[0, 0], pixels[0, -1]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert (pixels[..., 3] == 0).any(axis=0).all()  # the gap between the two, one below the other
