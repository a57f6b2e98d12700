from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from cnnviz.settings import Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import memory_guard
from cnnviz.training.worker.memory_guard import MemoryGuard
from cnnviz.training.worker.processes import environment


def test_it_tells_once_when_the_process_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_guard, "LOOK_SECONDS", 0.001)
    taken: Iterator[int] = iter([5, 10, 11, 12, 13])
    told: list[int] = []
    done = threading.Event()

    def give_up(size: int) -> None:
        told.append(size)
        done.set()

    with MemoryGuard(10, give_up, lambda: next(taken)):
        assert done.wait(60)
    assert told == [11]
    assert next(taken) == 12  # nobody looks any more


GROWS = """
from cnnviz.training.worker.memory_guard import resident_bytes

before = resident_bytes()
block = bytearray(60_000_000)
for at in range(0, len(block), 1000):
    block[at] = 1
print(resident_bytes() - before)
"""
"""In a process of its own: one that has run other tests may have as much memory to spare."""


def test_what_it_counts_is_what_the_process_takes() -> None:
    told = subprocess.run([sys.executable, "-c", GROWS], check=True, capture_output=True, text=True)
    assert 40_000_000 < int(told.stdout) < 200_000_000


@pytest.mark.slow
def test_a_worker_beyond_the_class_s_limit_is_ended_and_its_run_says_why(
    store: RunStore, configuration: Settings, recipe: Recipe
) -> None:
    run_id = store.create(recipe)
    variables = {"CNNVIZ_SHARED": "1", "CNNVIZ_CLASS_MEMORY_MB": "100"}  # importing PyTorch takes more
    done = subprocess.run(
        [sys.executable, "-m", "cnnviz", "worker", run_id],
        env={**environment(configuration), **variables},
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    run = store.get(run_id)
    assert (run.status, done.returncode) == (Status.FAILED, 1)
    assert "MB of memory and was stopped, because this class allows 100" in str(run.reason)
    assert "batch size below 250" in done.stderr
