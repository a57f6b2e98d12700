from __future__ import annotations

import re

import pytest

from cnnviz.plots import palette
from cnnviz.plots.palette import chip
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.ui.shared import markup


def visible(html: str) -> list[str]:
    return [text for text in re.split("<[^>]*>", html) if text]


def test_bars_tell_every_probability_and_emphasise_the_likeliest() -> None:
    html = markup.bars(["a", "b", "c"], [0.05, 0.701, 0.249])
    assert visible(html) == ["a", "5.0%", "b", "70.1%", "c", "24.9%"]
    assert html.count("cnnviz-bar-best") == 1
    assert '<span class="cnnviz-bar cnnviz-bar-best" style="--cnnviz-part:70.10%">' in html


def test_bars_without_a_prediction_show_no_numbers() -> None:
    assert visible(markup.bars(["a", "b"], None)) == ["a", "b"]


def test_labels_are_escaped() -> None:
    assert "<script" not in markup.bars(["<script>"], [1.0]) + markup.verdict("<script>")


def test_long_labels_are_smaller_in_the_same_room() -> None:
    short, long = markup.verdict("7"), markup.verdict("Ankle boot")
    assert 'class="cnnviz-verdict"' in short
    assert 'class="cnnviz-verdict cnnviz-verdict-long"' in long


@pytest.mark.parametrize("dark", [False, True])
def test_every_class_of_the_markup_has_its_rule_in_the_style_sheet(dark: bool) -> None:
    html = (
        markup.bars(["a", "b"], [0.2, 0.8])
        + markup.verdict("7")
        + markup.verdict("Ankle boot")
        + chip("merge")
    )
    sheet = markup.style_sheet(dark, accent="#123456").html
    named = {name for names in re.findall('class="([^"]*)"', html) for name in names.split()}
    assert {"cnnviz-verdict-long", "cnnviz-bar-best", "cnnviz-kind-merge"} <= named
    assert not [name for name in named if not re.search(rf"\.{name}[^-\w]", sheet)]
    assert palette.kind("merge").colour(dark) in sheet
    assert "--cnnviz-accent:#123456" in sheet
    assert sheet.count("{") == sheet.count("}")


def test_every_class_in_the_code_has_a_rule_and_every_rule_is_used() -> None:
    folder = PROJECT_DIRECTORY / "cnnviz"
    html = (folder / "shapes" / "table.py", folder / "plots" / "palette.py")
    code = "".join(path.read_text() for path in (*folder.glob("ui/**/*.py"), *html))
    code = re.sub(r"cnnviz-kind-\w+", "", code)
    written = {name for names in re.findall('class="([^"{}]*)"', code) for name in names.split()}
    rules = re.sub(r"\.cnnviz-kind-\w+", "", markup.style_sheet(False, accent="#123456").html)
    ruled = set(re.findall(r"\.(cnnviz-[\w-]*\w)", rules))
    editor = (folder / "ui" / "shared" / "editor.css").read_text(encoding="utf-8")  # of what JavaScript draws
    elsewhere = set(re.findall(r"\.(cnnviz-[\w-]*\w)", editor))
    assert {name for name in written if name.startswith("cnnviz-")} <= ruled | elsewhere
    # A component that is not isolated writes with the page's own rules.
    code += "".join(path.read_text(encoding="utf-8") for path in folder.glob("ui/**/*.js"))
    assert not [name for name in ruled if not re.search(rf"\b{name}\b(?!-)", code)]
