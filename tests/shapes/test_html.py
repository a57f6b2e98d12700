from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import pytest
from torch import nn

import cnnviz
from cnnviz import architectures, trace
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.shapes.html import trace_html
from tests.shapes.networks import Bare, Calls, NeedsData, Unused
from tests.speaking import spoken


class _Reader(HTMLParser):
    """The texts of the cells, row by row, and whether every tag is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def test_a_notebook_shows_every_operation_and_the_totals() -> None:
    traced = cnnviz.trace(architectures.get("inception-mini").build(), (1, 28, 28))
    head, first, *between, total = _Reader(traced._repr_html_()).rows
    assert head == ["Layer (type)", "Output shape", "Parameters", "Multiply-adds", "Name"]
    assert first == ["C Conv2d-1", "10 x 24 x 24", "260", "144,000", "conv1"]
    assert ["M cat", "88 x 12 x 12", "0", "", "incep1.cat"] in between
    assert total == ["Total", "", "97,298", "6,019,200", ""]
    assert "InceptionMini</b> · input: 1 x 28 x 28" in trace_html(traced)


def test_the_text_stays_the_text() -> None:
    traced = trace(nn.Linear(4, 2), (4,))
    assert repr(traced) == str(traced)
    assert str(traced).splitlines()[2].split() == ["linear", "(Linear)", "2", "10", "8"]


def test_a_failure_ends_the_table() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 32, 32))
    source = traced._repr_html_()
    assert source.count("2200 features") == 1
    *_, broken, total = _Reader(source).rows
    assert broken[0].startswith("✗ Linear · fc receives 88 x 5 x 5 = 2200 features")
    assert total[0] == "Total"


@pytest.mark.parametrize(
    ("model", "shape", "note"),
    [
        (Bare(), (100,), "Used directly, outside a layer: scale (100)"),
        (Unused(), (4,), "Declared but not used: unused.weight (495), unused.bias (5)"),
        (NeedsData(), (4,), "traced by really running it on the CPU"),
        (Calls(lambda net, x: x.view(-1, 2), nn.ReLU()), (8,), "view mixes the images of a batch"),
    ],
)
def test_notes_stand_below_the_table(model: nn.Module, shape: tuple[int, ...], note: str) -> None:
    assert note in trace_html(trace(model, shape)).rpartition("</table>")[2]


def test_names_are_escaped() -> None:
    class_ = type("<img src=x onerror=alert(1)>", (nn.Sequential,), {})
    model = class_()
    model.add_module('<script>alert("hi")</script>', nn.Linear(4, 2))
    for shape in ((4,), (5,)):  # with a failure, too
        source = trace_html(trace(model, shape))
        read = _Reader(source)
        assert not {"script", "img"} & read.tags
        assert any('<script>alert("hi")</script>' in cell for row in read.rows for cell in row)
        assert "&lt;img src=x onerror=alert(1)&gt;" in source


def test_it_speaks_chinese() -> None:
    with spoken("zh"):
        assert "参数" in trace_html(trace(nn.Linear(4, 2), (4,)))


@pytest.mark.slow
def test_a_notebook_completes_the_name_and_ipython_is_not_needed() -> None:
    code = (
        "import sys; sys.modules['IPython'] = None\n"
        "import cnnviz\n"
        "assert 'trace' in dir(cnnviz) and 'torch' not in sys.modules\n"
        "from torch import nn\n"
        "print(cnnviz.trace(nn.Linear(4, 2), (4,))._repr_html_())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_DIRECTORY
    )
    assert "<td" in done.stdout
