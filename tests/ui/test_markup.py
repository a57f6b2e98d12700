from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from cnnviz.ui import markup


def visible(html: str) -> list[str]:
    return [text for text in re.split("<[^>]*>", html) if text]


def test_bars_tell_every_probability_and_emphasise_the_likeliest() -> None:
    html = markup.bars(["a", "b", "c"], [0.05, 0.701, 0.249], "#123456")
    assert visible(html) == ["a", "5.0%", "b", "70.1%", "c", "24.9%"]
    assert html.count("#123456") == 1
    assert re.search(r"width:70\.10%;background:#123456", html)


def test_bars_without_a_prediction_show_no_numbers() -> None:
    assert visible(markup.bars(["a", "b"], None, "#123456")) == ["a", "b"]


def test_labels_are_escaped() -> None:
    assert "<script" not in markup.bars(["<script>"], [1.0], "#123456") + markup.verdict("<script>")


@pytest.mark.parametrize("box", [None, (1, 2, 3, 4)])
def test_each_pixel_with_ink_is_drawn(box: tuple[int, int, int, int] | None) -> None:
    image = np.zeros((5, 6), np.uint8)
    image[1, 2], image[4, 5] = 255, 16
    source = re.search(r'base64,([^"]+)"', markup.pixels(image, "a drawing", box))
    assert source
    svg = base64.b64decode(source[1]).decode()
    assert 'viewBox="0 0 6 5"' in svg
    assert re.findall('fill="#(.{6})"', svg) == ["ffffff", "101010"]
    assert ('<rect x="2" y="1" width="4" height="3"' in svg) == (box is not None)
