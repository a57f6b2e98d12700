"""The app as a person starts it for their own file, or for the model of their own program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.serving import free_port
from cnnviz.settings import PROJECT_DIRECTORY
from tests.browser.conftest import PATIENCE_MS

FILE = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(2704, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
PROGRAM = """
import cnnviz
from mynet import Net

cnnviz.explore(Net(), (1, 28, 28), browser=False)
"""


@contextmanager
def running(folder: Path, *words: str) -> Iterator[str]:
    """The address that a command prints, until the test is over."""
    variables = {**os.environ, "PYTHONPATH": str(PROJECT_DIRECTORY), "CNNVIZ_RUNS_DIR": str(folder / "runs")}
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        found = None
        while found is None and (line := process.stdout.readline()):
            found = re.search(r"http://\S+", line)
        assert found is not None
        yield found[0].replace("localhost", "127.0.0.1")
    finally:
        process.terminate()
        process.communicate()


def test_a_file_is_shown_and_followed(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "mynet.py"
    file.write_text(FILE)
    port = str(free_port())
    with running(tmp_path, "-m", "cnnviz", "app", "mynet.py:Net", "--no-browser", "--port", port) as address:
        page.goto(address)
        expect(page.get_by_text("27,090").first).to_be_visible(timeout=PATIENCE_MS)
        assert "model=hosted" in page.url
        file.write_text(FILE.replace("2704", "2705"))
        later = time.time() + 5
        os.utime(file, (later, later))
        expect(page.locator(".st-key-trace-failure")).to_contain_text("2704 features", timeout=PATIENCE_MS)
        file.write_text(FILE)
        os.utime(file, (later + 5, later + 5))
        expect(page.locator(".st-key-trace-failure")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_model_of_a_program_is_shown(page: Page, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(FILE)
    (tmp_path / "program.py").write_text(PROGRAM)
    with running(tmp_path, "program.py") as address:
        page.goto(address)
        expect(page.get_by_text("27,090").first).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("link", name="Filters").click()
        expect(page.get_by_text("4 filters of 1 x 3 x 3 in conv").first).to_be_visible(timeout=PATIENCE_MS)
