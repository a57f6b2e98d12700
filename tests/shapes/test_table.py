from __future__ import annotations

import contextlib
import csv
import io
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torchsummary
from torch import nn

import cnnviz
from cnnviz import architectures, trace
from cnnviz.architectures import Architecture
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.shapes.table import csv_text, latex_text, markdown_text, rows, sizes, trace_html, with_rest
from cnnviz.shapes.text import table_text, torchsummary_text
from tests.golden import INCEPTION_MINI_TABLE
from tests.networks import CHEAP, each
from tests.shapes.networks import Bare, Calls, NeedsData, Unused
from tests.speaking import spoken


def test_the_table_of_the_course_to_the_letter() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    assert torchsummary_text(traced).splitlines() == INCEPTION_MINI_TABLE.strip("\n").splitlines()


@each(CHEAP)
def test_torchsummary_agrees(architecture: Architecture) -> None:
    model = architecture.build()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        torchsummary.summary(model, architecture.input_shape, device="cpu")
    assert torchsummary_text(trace(model, architecture.input_shape)).strip() == printed.getvalue().strip()


def test_functions_stand_where_they_were_called() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    names = [row.name for row in rows(traced, functions=True)]
    first = names.index("rblock1.conv1")
    assert names[first : first + 6] == [
        "rblock1.conv1",
        "rblock1.relu",
        "rblock1.conv2",
        "rblock1.add",
        "rblock1.relu_2",
        "rblock1",
    ]
    assert names[-2:] == ["flatten", "fc"]
    assert sum(row.params for row in rows(traced, functions=True)) == traced.total_params


def test_sizes_are_bytes_of_float32() -> None:
    traced = trace(architectures.get("basic-cnn").build(), (1, 28, 28))
    values = 10 * 24 * 24 + 10 * 12 * 12 + 20 * 8 * 8 + 20 * 4 * 4 + 10
    assert sizes(traced).activations == 2 * 4 * values
    assert sizes(traced).total == 4 * 784 + 2 * 4 * values + 4 * 8490


def test_a_broken_network_ends_the_table_with_the_diagnosis() -> None:
    traced = trace(architectures.get("basic-cnn").build(), (1, 32, 32))
    text = table_text(traced)
    assert "flatten" in text
    assert "receives 20 x 5 x 5 = 500" in text.splitlines()[-1]
    assert [row.name for row in rows(traced)][-1] == "pooling_2"


ROWS = rows(trace(architectures.get("inception-mini").build(), (1, 28, 28)), functions=True)


def test_csv_can_be_read_again() -> None:
    read = list(csv.DictReader(io.StringIO(csv_text(ROWS))))
    assert len(read) == len(ROWS)
    assert sum(int(line["parameters"]) for line in read) == 97298
    assert sum(int(line["multiply_adds"]) for line in read) == 6019200
    assert read[0]["output_shape"] == "10 x 24 x 24"


@pytest.mark.parametrize("functions", [False, True])
@pytest.mark.parametrize(("model", "size"), [(Bare(), (100,)), (Unused(), (4,)), (nn.Linear(4, 2), (5,))])
def test_what_is_taken_home_adds_up_to_the_totals(
    model: nn.Module, size: tuple[int, ...], functions: bool
) -> None:
    traced = trace(model, size)
    shown = with_rest(rows(traced, functions), traced)
    read = list(csv.DictReader(io.StringIO(csv_text(shown))))
    assert sum(int(line["parameters"]) for line in read) == traced.total_params
    assert sum(int(line["multiply_adds"]) for line in read) == traced.macs
    assert read[-1]["layer"] == "(outside of these rows)"
    assert (read[-1]["name"], read[-1]["output_shape"]) == ("", "")
    assert markdown_text(shown).splitlines()[-1].startswith("| (outside of these rows) |  |  | ")


def test_a_table_that_adds_up_gets_no_further_row() -> None:
    assert with_rest(ROWS, trace(architectures.get("inception-mini").build(), (1, 28, 28))) == ROWS


def test_totals_below_a_table_that_ends_early_say_what_they_count() -> None:
    words = "Total: parameters of all layers, multiply-adds of the rows above"
    broken, whole = (trace(architectures.get("basic-cnn").build(), (1, side, side)) for side in (32, 28))
    assert words in table_text(broken)
    assert words in trace_html(broken)
    assert words not in table_text(whole) + trace_html(whole)


def test_markdown_has_as_many_cells_in_every_line() -> None:
    lines = markdown_text(ROWS).splitlines()
    assert len(lines) == len(ROWS) + 2
    assert {line.count("|") for line in lines} == {6}
    assert "| Linear-21 | fc | 10 | 14,090 | 14,080 |" in lines


def test_latex_escapes_names() -> None:
    text = latex_text(ROWS)
    assert r"incep1.branch5x5\_1" in text
    assert r"88 $\times$ 12 $\times$ 12" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) > len(ROWS)
    assert all(line.count(" & ") == 4 for line in rows)


class _Reader(HTMLParser):
    """The texts of the cells, row by row, and whether every tag is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.lines: list[str | None] = []  # that each row comes from
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
            self.lines.append(dict(attrs).get("data-line"))
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


_TEXT = """from torch import nn
import torch.nn.functional as F
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(WIDTH, 10)

    def forward(self, x):
        x = self.conv(x)
        x = F.relu(x).flatten(1)
        return self.fc(x)
"""


@pytest.mark.parametrize(("width", "last"), [(2704, "12"), (100, "✗ Linear · fc receives")])
def test_each_row_of_a_text_says_from_which_line_it_comes(width: int, last: str) -> None:
    traced = read(Definition(_TEXT.replace("WIDTH", str(width)), input_shape=(1, 28, 28))).trace
    assert traced is not None
    found = _Reader(trace_html(traced))
    head, *between, end, total = found.rows
    assert head[-2:] == ["Name", "Line"]
    assert [row[-1] for row in between] == ["10", "11", "11"]
    assert end[-1].startswith(last)
    assert found.lines == [None, "10", "11", "11", "12", None]
    assert len(total) == len(head)


def test_a_network_that_is_no_text_has_no_lines() -> None:
    found = _Reader(trace_html(trace(nn.Linear(4, 2), (4,))))
    assert "Line" not in found.rows[0]
    assert set(found.lines) == {None}


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
    assert total[0].startswith("Total: parameters of all layers")


@pytest.mark.parametrize(
    ("model", "shape", "note"),
    [
        (Bare(), (100,), "Used directly, outside a layer: scale (100)"),
        (Unused(), (4,), "unused (Linear) is declared and never used. 500 parameters are counted and saved"),
        (NeedsData(), (4,), "traced by really running it on the CPU"),
        (nn.Embedding(30, 4), (5,), "The input must be integers from 0 to 29, one for each row of a table."),
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


def test_kernel_stride_padding_and_groups_stand_in_text_and_csv() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 8, (3, 1), stride=2, padding=(1, 0), groups=2), nn.MaxPool2d(2), nn.ReLU()
    )
    traced = trace(model, (4, 9, 9))
    lines = str(traced).splitlines()
    assert lines[2].endswith("3x1, stride=2, padding=1x0, groups=2")
    assert lines[3].endswith("2x2, stride=2, padding=0")
    assert lines[4].endswith("0")
    head, conv, pool, relu = csv_text(rows(traced)).splitlines()
    assert head.endswith(",kernel_size,stride,padding,dilation,groups")
    assert conv.endswith(",3 x 1,2 x 2,1 x 0,1 x 1,2")
    assert pool.endswith(",2 x 2,2 x 2,0 x 0,1 x 1,")
    assert relu.endswith(",0,0,,,,,")
