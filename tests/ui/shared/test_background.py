from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.ui.shared import background

IMPORTS_TORCH = """
import importlib.abc, sys, threading
from cnnviz.ui.shared import background

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print(threading.current_thread().name)

sys.meta_path.insert(0, Watch())
background.QUIET_SECONDS = 0.3
page = threading.Thread(target=background.page_begins)
page.start()
page.join()
assert "torch" not in sys.modules
assert background.wait(100)
assert "torch" in sys.modules
"""


@pytest.mark.slow
def test_torch_comes_in_the_background_when_no_page_has_begun_for_a_moment() -> None:
    command = [sys.executable, "-c", IMPORTS_TORCH]
    done = subprocess.run(
        command, check=True, cwd=PROJECT_DIRECTORY, timeout=120, capture_output=True, text=True
    )
    assert done.stdout == "cnnviz-warm\n"


def ran(seconds: float) -> None:
    """A page that takes as long."""

    def page() -> None:
        background.page_begins()
        time.sleep(seconds)

    threading.Thread(target=page).start()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has imported nothing."""
    monkeypatch.setattr(background, "QUIET_SECONDS", 0.4)
    monkeypatch.setattr(background, "_thread", threading.current_thread())  # that is: it runs already
    monkeypatch.setattr(background, "_finished", threading.Event())
    monkeypatch.setattr(background, "_pages", {})


@pytest.mark.usefixtures("waiting")
def test_each_page_puts_the_import_off() -> None:
    begin = time.monotonic()
    ran(0)
    threading.Timer(0.2, ran, [0]).start()
    background._wait_until_quiet()
    assert time.monotonic() - begin >= 0.55


@pytest.mark.usefixtures("waiting")
def test_a_page_that_runs_puts_the_import_off_and_a_slow_one_for_longer() -> None:
    begin = time.monotonic()
    ran(0.8)
    background._wait_until_quiet()
    assert time.monotonic() - begin >= 1.5


@pytest.mark.usefixtures("waiting")
def test_a_busy_server_imports_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "LONGEST_WAIT_SECONDS", 0.2)
    ran(3)
    begin = time.monotonic()
    background._wait_until_quiet()
    assert 0.15 <= time.monotonic() - begin < 2


def test_pages_run_networks_with_one_thread_an_operation() -> None:
    import torch

    before = torch.get_num_threads()
    seen: list[int] = []
    try:
        background.one_thread_an_operation()
        reader = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        reader.start()
        reader.join()
    finally:
        torch.set_num_threads(before)
    assert seen == [1]
