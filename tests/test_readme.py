"""README's promises that can be checked: its examples run, its tables say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cnnviz import settings
from cnnviz.cli.main import main
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints
from tests.networks import NETWORKS, on_meta

README = (PROJECT_DIRECTORY / "README.md").read_text()
EXAMPLES = re.findall(r"^python -m cnnviz (.*)$", README, re.MULTILINE)


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.findall(r"@\w+@", README)


@pytest.mark.parametrize(
    "example", [text for text in EXAMPLES if text.split()[0] in ("list", "summary", "why", "runs")]
)
def test_examples_run(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "mynet.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 5, 5, stride=2)\n"
        "        self.fc = nn.Linear(720, 10)\n"
        "    def forward(self, x):\n"
        "        return self.fc(self.conv(x).flatten(1))\n"
    )
    status = main(shlex.split(example))
    broken = "1,32,32" in example or "mynet" in example
    assert status == (1 if broken else 0)
    printed = capsys.readouterr()
    assert printed.out or "no runs" in printed.err


def test_the_table_of_networks() -> None:
    assert len(NETWORKS) > 20
    for architecture in NETWORKS:
        traced = trace(on_meta(architecture), architecture.input_shape)
        sizes = " x ".join(map(str, architecture.input_shape))
        assert f"| `{architecture.key}` | {sizes} | {traced.total_params:,} | {traced.macs:,} |" in README


def test_the_table_of_checkpoints() -> None:
    shipped = checkpoints.scan().checkpoints
    assert len(shipped) == 9
    for checkpoint in shipped:
        accuracies = f"{checkpoint.test_accuracy:.2%} | {checkpoint.best_test_accuracy:.2%}".replace(
            "%", " %"
        )
        assert f"| `{checkpoint.id}` | {len(checkpoint.epochs)} | {accuracies} |" in README


def test_every_setting_is_in_both_tables() -> None:
    documented = set(re.findall(r"\| `(CNNVIZ_\w+)`", README))
    assert documented == set(re.findall(r"^(CNNVIZ_\w+)", settings.__doc__ or "", re.MULTILINE))
    assert "CNNVIZ_RUNS_DIR" in documented
