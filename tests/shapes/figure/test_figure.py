from __future__ import annotations

import re
import shutil
import subprocess
from collections import OrderedDict
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.cli.main import main
from cnnviz.errors import CnnvizError
from cnnviz.language import set_language
from cnnviz.models import traced
from cnnviz.shapes.figure.drawing import Curve, Drawing, Item, Polygon, Text, shortened, text_width
from cnnviz.shapes.figure.figure import figure
from cnnviz.shapes.figure.parts import MOST_PARTS, MOST_RANKS, parts_of
from cnnviz.shapes.figure.styles import STYLES
from cnnviz.shapes.figure.writers import WRITERS, pdf, svg, tikz
from cnnviz.tracing.trace import trace

NAMES = [one.key for one in architectures.registered()]
LARGE = ["torchvision:mobilenet_v2", "torchvision:vit_b_16", "torchvision:squeezenet1_0"]
SVG = "{http://www.w3.org/2000/svg}"


def of(name: str, style: str = "blocks", depth: int | None = None) -> Drawing:
    return figure(traced(name, {}), name, style, depth)


def texts(drawn: Drawing) -> list[Text]:
    return [item for item in drawn.items if isinstance(item, Text)]


def said(drawn: Drawing) -> list[str]:
    return [text.text for text in texts(drawn)]


def box(item: Item) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    if isinstance(item, Text):
        width = text_width(item.text, item.size, item.bold)
        left = item.at[0] - {"start": 0.0, "middle": width / 2, "end": width}[item.anchor]
        return left, item.at[1] - 0.7 * item.size, left + width, item.at[1]
    if isinstance(item, Polygon | Curve):
        xs, ys = zip(*item.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)
    (x, y), r = item.centre, item.radius
    return x - r, y - r, x + r, y + r


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("name", [*NAMES, *LARGE])
def test_a_figure_is_readable(name: str) -> None:
    found = parts_of(traced(name, {}))
    assert len(found.parts) <= MOST_PARTS
    assert max(found.ranks()) <= MOST_RANKS
    for style in STYLES:
        drawn = of(name, style)
        boxes = [box(item) for item in drawn.items]
        assert all(
            left >= 0 and top >= 0 and right <= drawn.width and bottom <= drawn.height
            for left, top, right, bottom in boxes
        )
        labels = [(box(text), text.text) for text in texts(drawn)]
        clashes = [(a, b) for (one, a), (other, b) in combinations(labels, 2) if overlap(one, other)]
        # The sign in a circle stands alone; a name on a box would be hard to read.
        boxes = [box(item) for item in drawn.items if isinstance(item, Polygon) and len(item.points) == 4]
        clashes += [(text, "a box") for one, text in labels for other in boxes if overlap(one, other)]
        assert not clashes, f"{name}, {style}: {clashes[:5]}"


def test_blocks_are_to_scale() -> None:
    drawn = of("basic-cnn")
    fronts = [
        item
        for item in drawn.items
        if isinstance(item, Polygon) and len(item.points) == 4 and item.fill == "#332288"
    ]
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = map(box, fronts[:2])
    assert (bottom - top) / (bottom_2 - top_2) == pytest.approx(24 / 8)  # 10 x 24 x 24, then 20 x 8 x 8
    assert (right - left) / (right_2 - left_2) == pytest.approx(10 / 20)
    assert "10 x 24 x 24" in said(drawn)
    assert "Conv2d 5x5" in said(drawn)


def test_lenet_says_maps_and_size_and_the_more_maps_the_more_sheets() -> None:
    drawn = of("basic-cnn", "lenet")
    assert {"1@28x28", "10@24x24", "20@8x8", "320", "10"} <= set(said(drawn))


def test_shortcuts_are_dashed_and_branches_are_all_there() -> None:
    residual = of("resnet-mini")
    curves = [item for item in residual.items if isinstance(item, Curve)]
    assert sum(curve.dashed for curve in curves) == 2
    assert said(residual).count("+") == 2
    inception = of("inception-mini")
    assert sum(text == "cat" for text in said(inception)) == 2
    assert {"branch1x1", "branch5x5_2", "branch3x3_3", "branch_pool"} <= set(said(inception))
    assert len([item for item in inception.items if isinstance(item, Curve)]) == 30


def test_depth_folds_blocks_and_nothing() -> None:
    assert "InceptionA" in said(of("inception-mini", depth=1))
    assert "branch1x1" not in said(of("inception-mini", depth=1))
    assert len(of("densenet", depth=0).items) > 4 * len(of("densenet").items)


@pytest.mark.parametrize("style", STYLES)
def test_the_three_files_hold_the_same_figure(style: str) -> None:
    drawn = of("resnet-mini", style)
    tree = ElementTree.fromstring(svg(drawn))
    assert [text.text for text in tree.iter(f"{SVG}text")] == said(drawn)
    polygons = sum(isinstance(item, Polygon) for item in drawn.items)
    assert len(list(tree.iter(f"{SVG}polygon"))) == polygons
    tex = tikz(drawn).decode()
    assert tex.count("-- cycle;") == polygons
    assert tex.count(r"\node[") == len(said(drawn))
    paper = pdf(drawn)
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") == 1
    width, height = map(float, re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", paper)[0])
    assert (width, height) == pytest.approx((drawn.width, drawn.height), abs=0.01)
    assert pdf(drawn) == paper


NASTY = 'a_b&<c>%$#{}~^\\"|x'


def nasty() -> Drawing:
    model = nn.Sequential(
        OrderedDict([(NASTY, nn.Conv2d(1, 2, 3)), ("网络\x07", nn.ReLU()), ("flat", nn.Flatten())])
    )
    return figure(trace(model, (1, 8, 8)), NASTY)


def test_names_are_texts_and_nothing_else() -> None:
    tree = ElementTree.fromstring(svg(nasty()))
    assert NASTY in [text.text for text in tree.iter(f"{SVG}text")]
    tex = tikz(nasty()).decode()
    (node,) = [line for line in tex.splitlines() if "textasciicircum" in line]
    inside = node[node.index("selectfont") : -2]
    bare = re.sub(r"\\[&%$#_{}]|\\[a-z]+(\{\}|34)?", "", inside)
    assert not set(bare) & set('\\&%$#_^~<>|"')
    assert pdf(nasty()).startswith(b"%PDF")


def balanced(tex: str) -> bool:
    plain = re.sub(r"\\[{}]", "", re.sub(r"(?m)(?<!\\)%.*$", "", tex))
    return plain.count("{") == plain.count("}")


@pytest.mark.parametrize("drawn", [lambda: of("inception-mini"), nasty], ids=["branches", "nasty"])
def test_tikz_is_whole(drawn: object) -> None:
    assert callable(drawn)
    tex = tikz(drawn()).decode()
    body = tex.split(r"\begin{tikzpicture}")[1].split(r"\end{tikzpicture}")[0].splitlines()[1:]
    assert body
    assert all(re.match(r"\\(path|draw|node)\[", line) and line.endswith(";") for line in body)
    assert balanced(tex)
    defined = set(re.findall(r"definecolor\{(\w+)\}", tex))
    assert set(re.findall(r"(?:fill|draw|text)=(cnnviz\w+)", tex)) <= defined
    assert set(re.findall(r"\[(cnnviz\w+),", tex)) <= defined


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX")
def test_latex_takes_it(tmp_path: Path) -> None:
    model = nn.Sequential(OrderedDict([(NASTY, nn.Conv2d(1, 2, 3)), ("flat", nn.Flatten())]))
    (tmp_path / "figure.tex").write_bytes(tikz(figure(trace(model, (1, 8, 8)), NASTY)))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "figure.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "(1 page," in done.stdout


def test_words_are_in_the_language_that_is_spoken() -> None:
    set_language("zh")
    try:
        drawn = of("basic-cnn")
        assert "卷积" in said(drawn)
        assert pdf(drawn).count(b"STSong-Light") > 0
        assert r"\usepackage{ctex}" in tikz(drawn).decode()
    finally:
        set_language("en")
    assert "ctex" not in tikz(of("basic-cnn")).decode()


def test_a_long_name_keeps_its_ends() -> None:
    short = shortened("encoder_layer_with_a_long_name_7", 7.5, 60.0)
    assert text_width(short, 7.5) <= 60
    assert short.startswith("enco")
    assert short.endswith("_7")


def test_a_network_that_breaks_has_no_figure() -> None:
    class Breaks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, x.flatten(1)])

    with pytest.raises(CnnvizError, match="There is no figure, because the forward pass fails"):
        figure(trace(Breaks(), (1, 8, 8)), "breaks")


def test_the_command_writes_each_kind_and_refuses_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix, write in WRITERS.items():
        path = tmp_path / f"net{suffix}"
        assert main(["figure", "resnet-mini", "--style", "lenet", "--output", str(path)]) == 0
        assert path.read_bytes() == write(of("resnet-mini", "lenet"))
    assert (
        main(["figure", "inception-mini", "--set", "fc.in_features=7", "--output", str(tmp_path / "a.svg")])
        == 1
    )
    assert "There is no figure" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["figure", "resnet-mini", "--output", "net.png"])
    assert left.value.code == 2
    assert ".svg, .pdf, .tex" in capsys.readouterr().err
