"""A run that is cut off, and goes on: with real processes, and from another run's snapshot."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, read_samples, read_steps
from cnnviz.training.records.snapshots import STATE_NAME, State
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.training.worker.resuming import check_branch
from tests.training.watching import Losses, until

pytestmark = pytest.mark.slow

STEPS = 150  # 600 images in batches of 4
SLOWING_DOWN = """
import sys, time
from cnnviz.training.worker import steering
from cnnviz.training.records import metrics
from cnnviz.training.worker import worker
steering.SAVE_SECONDS = 0.05
add = metrics.MetricsWriter.add
def slow(self, step, *values):
    add(self, step, *values)
    time.sleep(0.1 if step > 200 else 0)  # in the middle of the second epoch, to be killed there
metrics.MetricsWriter.add = slow
sys.exit(worker.main(sys.argv[1]))
"""


@pytest.fixture
def quick() -> Recipe:
    return Recipe.default(
        "mlp", dataset="mnist-sample", epochs=2, batch_size=4, train_images=4 * STEPS, threads=1, device="cpu"
    )


def curve(store: RunStore, run_id: str) -> tuple[list[int], list[float]]:
    steps = read_steps(store.folder(run_id) / STEPS_FILE, max_points=1_000_000)
    return steps["step"].tolist(), steps["loss"].tolist()


def figures(store: RunStore, run_id: str) -> list[tuple[float, ...]]:
    return [
        (metrics.train_loss, metrics.train_accuracy, metrics.test_loss, metrics.test_accuracy)
        for metrics in store.epochs(run_id)
    ]


def test_a_run_whose_worker_was_killed_goes_on_to_the_last_digit(store: RunStore, quick: Recipe) -> None:
    whole = worker.run_in_foreground(quick)
    run_id = store.create(quick)
    process = subprocess.Popen([sys.executable, "-c", SLOWING_DOWN, run_id], cwd=PROJECT_DIRECTORY)
    until(lambda: store.get(run_id).step > 200)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert store.reap() == [run_id]

    state = State.from_bytes((store.folder(run_id) / STATE_NAME).read_bytes())
    assert STEPS <= state.step < 2 * STEPS
    assert len(curve(store, run_id)[0]) >= state.step
    store.resume(run_id)
    assert store.get(run_id).status == Status.QUEUED
    assert worker.main(run_id) == 0
    run = store.get(run_id)
    assert (run.status, run.step, run.reason) == (Status.FINISHED, 2 * STEPS, None)
    assert curve(store, run_id) == curve(store, whole.id)
    assert figures(store, run_id) == figures(store, whole.id)
    assert checkpoints.get(run_id).test_loss == checkpoints.get(whole.id).test_loss
    assert not (store.folder(run_id) / STATE_NAME).exists()


def test_a_stopped_run_goes_on_where_it_stopped(store: RunStore, quick: Recipe) -> None:
    whole = worker.run_in_foreground(quick)
    watcher = Losses(at=220, act=lambda: os.kill(os.getpid(), signal.SIGINT))
    stopped = worker.run_in_foreground(quick, watcher)
    assert (stopped.status, stopped.step) == (Status.STOPPED, 220)
    assert checkpoints.get(stopped.id).stopped
    store.resume(stopped.id)
    assert worker.main(stopped.id) == 0
    assert curve(store, stopped.id) == curve(store, whole.id)
    assert figures(store, stopped.id) == figures(store, whole.id)
    assert not checkpoints.get(stopped.id).stopped
    with pytest.raises(UsageError, match="is finished: start a new one"):
        store.resume(stopped.id)


def test_a_run_that_never_began_begins(store: RunStore, quick: Recipe) -> None:
    run_id = store.create(dataclasses.replace(quick, epochs=1))
    store.request_stop(run_id)
    store.resume(run_id)
    assert worker.main(run_id) == 0
    assert store.get(run_id).status == Status.FINISHED


def test_a_damaged_state_is_the_reason(store: RunStore, quick: Recipe) -> None:
    run_id = store.create(quick)
    store.folder(run_id).mkdir(parents=True)
    (store.folder(run_id) / STATE_NAME).write_bytes(b"nonsense")
    assert worker.main(run_id) == 1
    assert "saved training state cannot be used" in str(store.get(run_id).reason)


def test_a_new_run_goes_on_from_a_snapshot_of_another(store: RunStore, quick: Recipe) -> None:
    first = worker.run_in_foreground(quick)
    assert (128, 1) in snapshots.available(first.id)
    same = store.create(quick, origin=(first.id, 128))
    assert worker.main(same) == 0
    assert curve(store, same) == curve(store, first.id)  # from the same state the same happens
    assert figures(store, same) == figures(store, first.id)

    other = dataclasses.replace(quick, epochs=3, learning_rate=0.002, optimizer="adam")
    check_branch(other, first, STEPS)
    branch = store.create(other, origin=(first.id, STEPS), owner="me", name="slower")
    assert worker.main(branch) == 0
    run = store.get(branch)
    assert (run.status, run.origin, run.origin_step, run.name) == (
        Status.FINISHED, first.id, STEPS, "slower",
    )  # fmt: skip
    assert (checkpoints.get(branch).origin, checkpoints.get(first.id).origin) == (first.id, None)
    steps, losses = curve(store, branch)
    assert steps == list(range(1, 3 * STEPS + 1))
    assert (
        losses[: STEPS + 1] == curve(store, first.id)[1][: STEPS + 1]
    )  # the loss is measured before the update
    assert losses[STEPS + 1] != curve(store, first.id)[1][STEPS + 1]
    assert figures(store, branch)[0] == figures(store, first.id)[0]
    rates = read_samples(store.folder(branch) / SAMPLES_FILE).records
    assert set(rates["learning_rate"][rates["step"] > STEPS]) == {0.002}
    assert set(np.diff(rates["step"]) > 0) == {True}


def test_what_a_branch_must_keep_is_checked(store: RunStore, quick: Recipe) -> None:
    first = worker.run_in_foreground(dataclasses.replace(quick, epochs=1, train_images=40))
    check_branch(Recipe.from_dict(first.recipe | {"epochs": 2, "learning_rate": 0.5}), first, 10)
    with pytest.raises(UsageError, match="changed: batch_size"):
        check_branch(Recipe.from_dict(first.recipe | {"batch_size": 8}), first, 4)
    with pytest.raises(UsageError, match="is already the end of the 1 epochs"):
        check_branch(Recipe.from_dict(first.recipe), first, 10)
    with pytest.raises(UnknownKeyError, match="snapshot step '3'"):
        check_branch(Recipe.from_dict(first.recipe), first, 3)


def test_a_snapshot_that_is_gone_is_the_reason(store: RunStore, quick: Recipe) -> None:
    run_id = store.create(quick, origin=("20260101-abcdef", 4))
    assert worker.main(run_id) == 1
    assert "snapshot step '4'" in str(store.get(run_id).reason)
