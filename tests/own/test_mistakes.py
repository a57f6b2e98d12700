"""Beginners' mistakes: each is found in its line, in words that say what is wrong, and the text is mended.

``mistakes.txt`` holds them as students write them; its head says how it is read.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnnviz.cli.main import main
from cnnviz.own.changes import Change, changes
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Reading, read

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"
STUDENTS = sorted((Path(__file__).parent / "students").glob("*.py"))


@dataclass(frozen=True)
class Mistake:
    """A text, what is found in which line, and the lines that the first change puts from which line on."""

    name: str
    text: str
    kind: str
    line: int
    words: str
    change: tuple[int, tuple[str, ...]] | None


def mistakes() -> list[Mistake]:
    written = (Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8")
    return [mistake(part) for part in re.split(r"^=== ", written, flags=re.MULTILINE)[1:]]


def mistake(part: str) -> Mistake:
    name, _, rest = part.partition("\n")
    text, _, told = rest.partition("--- ")
    found, _, changed = told.partition(">>> ")
    kind, line, words = re.fullmatch(r"([\w-]+) (\d+): (.*)", found.strip()).groups()  # type: ignore[union-attr]
    first, _, lines = changed.partition("\n")
    change = (int(first), tuple(lines.rstrip("\n").split("\n"))) if first else None
    return Mistake(name, HEAD + text, kind, int(line), words, change)


MISTAKES = mistakes()


def found_in(reading: Reading, kind: str) -> list[tuple[int | None, str]]:
    """The line and the sentence of a problem, a failure or the warnings of one code."""
    if kind == "problem":
        assert reading.problem is not None
        return [(reading.problem.line, str(reading.problem.message))]
    assert reading.trace is not None
    if kind == "failure":
        assert reading.trace.failure is not None
        return [(reading.trace.failure.line, reading.trace.failure.message)]
    return [(warning.line, str(warning.text)) for warning in reading.warnings if warning.code == kind]


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_and_mended(mistake: Mistake) -> None:
    definition = Definition(mistake.text)
    reading = read(definition)
    told = found_in(reading, mistake.kind)
    assert any(line == mistake.line and words.startswith(mistake.words) for line, words in told), told
    found = changes(definition, reading)
    if mistake.change is None:
        assert not any(change.cures in (None, mistake.kind) for change in found)
        return
    assert (found[0].line, found[0].new) == mistake.change
    assert is_made(found[0], mistake.text)
    after = read(found[0].definition)
    assert after.problem is None
    if mistake.kind not in ("problem", "failure"):
        assert not found_in(after, mistake.kind)
    assert after.trace is not None
    assert after.trace.failure is None


def is_made(change: Change, text: str) -> bool:
    """Whether the lines of a change, put in place of the old ones, give the text of its definition."""
    lines = text.split("\n")
    before = change.line - 1
    assert tuple(lines[before : before + len(change.old)]) == change.old
    changed = [*lines[:before], *change.new, *lines[before + len(change.old) :]]
    return "\n".join(changed) == change.definition.text


def test_every_kind_of_mistake_has_several_forms() -> None:
    assert len(MISTAKES) >= 90
    counted = Counter(mistake.kind for mistake in MISTAKES)
    assert min(counted[kind] for kind in ("problem", "failure", "unregistered", "dropout-in-evaluation")) >= 5


@pytest.mark.parametrize(
    "path", [path for path in STUDENTS if not path.stem.startswith("wrong_")], ids=lambda path: path.stem
)
def test_a_network_that_is_right_gets_no_warning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shape = tuple(map(int, text.splitlines()[0].removeprefix("# ").split(",")))
    definition = Definition(text, "Net", input_shape=shape)
    reading = read(definition)
    assert reading.problem is None
    assert reading.warnings == ()
    assert changes(definition, reading) == ()


def test_the_command_line_tells_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {mistake.name: mistake.text for mistake in MISTAKES}
    file = tmp_path / "net.py"
    file.write_text(texts["plain list"], encoding="utf-8")
    assert main(["own", str(file), "--format", "json"]) == 0
    assert [warning["line"] for warning in json.loads(capsys.readouterr().out)["warnings"]] == [8]
    file.write_text(texts["the same name twice"], encoding="utf-8")
    main(["own", str(file)])
    assert "Line 9: self.conv is assigned a second time" in capsys.readouterr().out


def test_prompts_of_the_console_go_all_at_once() -> None:
    code = "import torch.nn as nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x + 1\n"
    lines = [f"{'>>>' if line[0] != ' ' else '...'} {line}" for line in code.splitlines()]
    given = Definition("\n".join([*lines, ""]))
    problem = read(given).problem
    assert problem is not None
    assert str(problem.message) == "The prompts >>> and ... of Python's console are not part of the code."
    assert [change.definition.text for change in changes(given)] == [code]


def test_a_line_that_is_wrongly_indented_gets_a_level_of_those_before_it() -> None:
    head = HEAD + "class Net(nn.Module):\n    def __init__(self):\n"
    body = ["super().__init__()", "self.fc = nn.Linear(784, 10)"]
    for wrong in ((4, 8), (8, 10), (8, 7)):
        written = "".join(f"{' ' * blanks}{line}\n" for blanks, line in zip(wrong, body, strict=True))
        given = Definition(
            f"{head}{written}    def forward(self, x):\n        return self.fc(x.flatten(1))\n"
        )
        assert read(changes(given)[0].definition).problem is None


@pytest.mark.parametrize(("library", "title"), [("tensorflow.keras", "TensorFlow"), ("jax", "JAX")])
def test_a_text_for_another_library_is_told_so(library: str, title: str) -> None:
    problem = read(Definition(f"from {library} import models\nmodel = models.Sequential()\n")).problem
    assert problem is not None
    assert str(problem.message) == f"This is written for {title}; cnnviz reads PyTorch."
