"""Pictures, charts and tables tell what they show to those who do not see them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cnnviz.settings import PROJECT_DIRECTORY

SHOWING = {
    "image",
    "plotly_chart",
    "graphviz_chart",
    "dataframe",
    "data_editor",
    "pyplot",
    "altair_chart",
    "vega_lite_chart",
    "line_chart",
    "bar_chart",
    "area_chart",
    "scatter_chart",
    "pydeck_chart",
    "map",
    "iframe",
}
"""What Streamlit shows that a screen reader cannot read: each takes ``alt``."""
CHARTS = SHOWING - {"image", "dataframe", "data_editor", "iframe", "graphviz_chart"}


def sources() -> list[Path]:
    ui = PROJECT_DIRECTORY / "cnnviz" / "ui"
    return [PROJECT_DIRECTORY / "app.py", *(PROJECT_DIRECTORY / "pages").glob("*.py"), *ui.rglob("*.py")]


def shown() -> Iterator[tuple[str, str, ast.Call]]:
    """File, name and call of everything that Streamlit is asked to show."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in SHOWING
            ):
                if node.func.attr in ("map", "image") and not _is_streamlit(node.func.value):
                    continue
                yield path.relative_to(PROJECT_DIRECTORY).as_posix(), node.func.attr, node


def _is_streamlit(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("st", "place", "left", "right")


def test_whatever_streamlit_shows_says_what_it_is() -> None:
    found = list(shown())
    assert {name for _file, name, _call in found} >= {"plotly_chart", "graphviz_chart", "dataframe"}
    silent = [
        f"{file}:{call.lineno} {name}"
        for file, name, call in found
        if not any(keyword.arg == "alt" for keyword in call.keywords)
    ]
    assert silent == []


def test_charts_are_drawn_where_they_get_a_table() -> None:
    places = {file for file, name, _call in shown() if name in CHARTS}
    assert places == {"cnnviz/ui/shared/charts.py", "cnnviz/ui/train/curves.py"}


def markup() -> Iterator[tuple[str, str]]:
    """File and text of every string that is not a docstring; x stands where a value comes in."""
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        inner |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
                yield path.name, "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inner:
                yield path.name, node.value


def test_every_picture_in_markup_has_a_description() -> None:
    found = [
        (file, picture.group())
        for file, text in markup()
        for picture in re.finditer(r"<(?:img|svg)\b[^>]*>", text)
    ]
    assert len(found) > 5
    told = re.compile(
        r"\balt=|aria-label=|aria-hidden=|xmlns="
    )  # one with xmlns is a file, which an img shows
    assert [(file, picture) for file, picture in found if not told.search(picture)] == []
