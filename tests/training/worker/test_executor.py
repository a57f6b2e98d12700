from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz.settings import Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import dispatching
from cnnviz.training.worker.dispatching import LocalExecutor, dispatch
from cnnviz.training.worker.processes import LOG_NAME
from tests.training.watching import until


class Pretended:
    """An executor that starts nothing and remembers what it was asked for."""

    cluster = None

    def __init__(self, refuse: bool = False) -> None:
        self.started: list[str] = []
        self.refuse = refuse

    def start(self, run: Run) -> int | None:
        if self.refuse:
            raise OSError(11, "Resource temporarily unavailable")
        self.started.append(run.id)
        return None

    def look_after(self, store: RunStore) -> None:
        pass

    def cancel(self, run: Run) -> None:
        pass


def niceness(pid: int | None) -> int:
    assert pid is not None
    return os.getpriority(os.PRIO_PROCESS, pid)


@pytest.fixture
def local(configuration: Settings, store: RunStore) -> Iterator[LocalExecutor]:
    """Real worker processes; what is left of them at the end is ended."""
    yield LocalExecutor(configuration)
    for run in store.list():
        store.request_stop(run.id)
    until(lambda: store.reap() or not any(run.is_open for run in store.list()))


def test_the_second_run_waits_until_the_first_has_ended(store: RunStore, recipe: Recipe) -> None:
    first, second = store.create(recipe), store.create(recipe)
    pretended = Pretended()
    assert dispatch(store, pretended, max_workers=1) == [first]
    assert dispatch(store, pretended, max_workers=1) == []
    assert store.queue_position(second) == 1
    assert store.claim(first, "w")
    assert store.finish(first, "w", Status.FINISHED)
    assert dispatch(store, pretended, max_workers=1) == [second]
    assert pretended.started == [first, second]


def test_as_many_runs_start_as_there_are_workers(store: RunStore, recipe: Recipe) -> None:
    ids = [store.create(recipe) for _ in range(3)]
    assert dispatch(store, Pretended(), max_workers=2) == ids[:2]


def test_a_servers_start_moves_the_queue_and_makes_no_store(
    configuration: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended = Pretended()
    monkeypatch.setattr(dispatching, "LocalExecutor", lambda *_: pretended)
    assert dispatching.resume_queue() == []
    assert not configuration.runs_dir.exists()
    left_behind = RunStore(configuration)
    run_id = left_behind.create(recipe)
    left_behind.close()
    assert dispatching.resume_queue() == pretended.started == [run_id]


def test_a_start_that_is_refused_fails_its_run_and_holds_up_no_other(store: RunStore, recipe: Recipe) -> None:
    ids = [store.create(recipe) for _ in range(2)]
    assert dispatch(store, Pretended(refuse=True), max_workers=1) == []
    for run_id in ids:
        run = store.get(run_id)
        assert run.status == Status.FAILED
        assert "Resource temporarily unavailable" in str(run.reason)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows classes of priority instead")
@pytest.mark.parametrize(("own", "expected"), [(0, 5), (10, 15), (17, 19)])
def test_a_worker_is_nicer_than_whoever_starts_it(
    own: int,
    expected: int,
    configuration: Settings,
    store: RunStore,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "getpriority", lambda *_: own)
    monkeypatch.setattr(os, "setpriority", lambda _kind, _pid, value: given.append(value))
    monkeypatch.setattr(dispatching, "command", lambda *_: [sys.executable, "-S", "-c", ""])
    monkeypatch.setattr(LocalExecutor, "_wait", lambda _, process: process.wait())
    LocalExecutor(configuration).start(store.get(store.create(recipe)))
    assert given == [expected]


@pytest.mark.slow
def test_a_killed_worker_leaves_its_metrics_and_the_next_runs_start(
    store: RunStore,
    configuration: Settings,
    local: LocalExecutor,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # a worker is started from any folder
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong module')")
    long = dataclasses.replace(recipe, epochs=500)
    first, second, third = (store.create(chosen) for chosen in (long, recipe, long))
    dispatch(store, local, max_workers=1)
    metrics = store.folder(first) / STEPS_FILE
    until(lambda: store.get(first).step > 20 and len(read_steps(metrics)) > 20)

    restarted_server = RunStore(configuration)  # another one sees the run going on
    run = restarted_server.get(first)
    assert (run.status, restarted_server.reap()) == (Status.RUNNING, [])
    restarted_server.close()
    assert run.pid is not None
    assert os.getsid(run.pid) == run.pid
    if sys.platform == "linux":
        assert niceness(run.pid) == min(19, niceness(os.getpid()) + 5)

    os.kill(run.pid, signal.SIGKILL)
    until(lambda: not store.get(first).is_open)
    assert store.get(first).status == Status.INTERRUPTED
    assert "killed" in str(store.get(first).reason)
    assert len(read_steps(metrics)) > 20
    until(lambda: store.get(second).status != Status.QUEUED)
    monkeypatch.setattr(dispatching, "dispatch", lambda *_: [])  # this server does nothing any more
    until(lambda: store.get(third).step > 0)  # the second worker has started it
    if sys.platform == "linux":  # as nice as the first, not nicer still
        assert niceness(store.get(third).pid) == min(19, niceness(os.getpid()) + 5)
    assert store.get(second).status == Status.FINISHED
    assert (store.folder(second) / LOG_NAME).read_text() == ""
    store.request_stop(third)
    until(lambda: not store.get(third).is_open)
    assert store.get(third).status == Status.STOPPED
