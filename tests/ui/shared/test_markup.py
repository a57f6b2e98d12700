from __future__ import annotations

import re

from cnnviz.ui.shared import markup


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


def test_long_labels_are_smaller_in_the_same_room() -> None:
    short, long = markup.verdict("7"), markup.verdict("Ankle boot")
    assert "font-size:4.5rem" in short
    assert "font-size:1.5rem" in long
    assert all("min-height:4.5rem" in html for html in (short, long))
