"""The processes themselves: how they end, and how a run ends that has lost one."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.settings import PROJECT_DIRECTORY, Settings
from cnnviz.training.parallel import group
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.runs import Status, process_is_dead
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import memory_guard, together, worker
from cnnviz.training.worker.processes import command, environment
from tests.training.watching import until


class Killer:
    """Kills a helper at the fifth step, or right before the first test pass, or does ``something_else`` to it."""

    taken: int | None = None

    def __init__(
        self, something_else: Callable[[int], None] | None = None, *, before_test: bool = False
    ) -> None:
        self._do = something_else or (lambda pid: os.kill(pid, signal.SIGKILL))
        self._step, self._before_test = 5, before_test

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        if self._before_test:
            self._step = steps_per_epoch

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        if step == self._step:
            (self.pid,) = together.pids()
            self.taken = memory_guard.resident_bytes()
            self._do(self.pid)

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        pass


def test_a_run_that_loses_a_process_is_interrupted_and_says_so(store: RunStore, recipe: Recipe) -> None:
    killer = Killer()
    with pytest.raises(CnnvizError, match=r"Process 2 of the 2 .* ended unexpectedly \(SIGKILL\)"):
        worker.run_in_foreground(dataclasses.replace(recipe, epochs=500, workers=2), killer)
    (run,) = store.list()
    assert run.status == Status.INTERRUPTED
    assert 5 <= run.step <= 6
    assert process_is_dead(killer.pid)
    assert together.pids() == set()
    alone = memory_guard.resident_bytes()
    assert killer.taken is not None
    assert alone is not None
    assert killer.taken > alone + 100e6  # the other's memory counts, too


TOGETHER = """
import pathlib
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.worker import worker

recipe = Recipe.default("basic-cnn", dataset="mnist-sample", batch_size=250, workers=2)
print(worker.run_in_foreground(recipe).status)
print(*(path.read_text().strip() for path in pathlib.Path("/proc/self/task").glob("*/comm")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are named in /proc")
def test_no_thread_of_a_group_is_left_that_could_abort_its_process_at_the_end(
    configuration: Settings,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TOGETHER],
        env=environment(configuration),
        cwd=PROJECT_DIRECTORY,
        capture_output=True,
        text=True,
        check=True,
    )
    *_, status, threads = ran.stdout.splitlines()
    assert status == Status.FINISHED
    assert "python" in threads
    assert "gloo" not in threads


@pytest.mark.parametrize("before_test", [False, True], ids=["in a step", "in a test pass"])
def test_a_run_that_is_stopped_ends_though_a_process_hangs(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, before_test: bool
) -> None:
    def hold(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        store.request_stop(store.list()[0].id)

    monkeypatch.setattr(group, "_PATIENCE_SECONDS", 0.5)
    killer = Killer(hold, before_test=before_test)
    run = worker.run_in_foreground(dataclasses.replace(recipe, epochs=500, workers=2), killer)
    assert run.status == Status.STOPPED
    assert process_is_dead(killer.pid)


def test_several_processes_are_paused_and_stepped_and_end_with_their_leader(
    configuration: Settings, store: RunStore, recipe: Recipe
) -> None:
    run_id = store.create(dataclasses.replace(recipe, epochs=500, workers=2))
    leader = subprocess.Popen(
        command("-m", "cnnviz", "worker", run_id), env=environment(configuration), cwd=PROJECT_DIRECTORY
    )
    try:
        until(lambda: store.get(run_id).step > 0)
        store.request_pause(run_id)
        until(lambda: store.get(run_id).status == Status.PAUSED)
        step = store.get(run_id).step
        store.request_step(run_id)
        until(lambda: store.get(run_id).step == step + 1)
        (helper,) = _children(leader.pid)
        assert os.getpgid(helper) != os.getpgid(leader.pid)  # Control-C is the leader's alone
    finally:
        leader.kill()
        leader.wait()
    until(lambda: process_is_dead(helper), seconds=5)


def test_a_paused_run_that_loses_a_process_stays_paused_and_goes_on_with_new_ones(
    configuration: Settings, store: RunStore, recipe: Recipe
) -> None:
    run_id = store.create(dataclasses.replace(recipe, epochs=500, workers=2))
    words = command("-m", "cnnviz", "worker", run_id)
    with subprocess.Popen(words, env=environment(configuration), cwd=PROJECT_DIRECTORY) as leader:
        try:
            until(lambda: store.get(run_id).step > 0)
            store.request_pause(run_id)
            until(lambda: store.get(run_id).status == Status.PAUSED)
            (helper,) = _children(leader.pid)
            os.kill(helper, signal.SIGKILL)
            assert leader.wait(60) == 0
        finally:
            leader.kill()
    run = store.get(run_id)
    assert (run.status, run.worker) == (Status.PAUSED, None)
    store.resume(run_id)
    with subprocess.Popen(words, env=environment(configuration), cwd=PROJECT_DIRECTORY) as leader:
        try:
            until(lambda: store.get(run_id).step > run.step)
            store.request_stop(run_id)
            leader.wait(60)
        finally:
            leader.kill()
    assert store.get(run_id).status == Status.STOPPED


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    return [int(line) for line in found.stdout.split()]
