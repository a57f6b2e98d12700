from __future__ import annotations

import dataclasses
import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.settings import PROJECT_DIRECTORY, Settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import export_checkpoint
from cnnviz.training.loop import loop, memory
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import metrics, snapshots
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.records.snapshots import STATE_NAME
from cnnviz.training.store.database import StoreError
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.training.worker.heartbeat import Heartbeat
from tests.training.watching import until

STEPS = 16  # 4,000 images in batches of 250


class Watcher:
    """An observer that does something at a step."""

    def __init__(self, at: int = 0, act: Callable[[], object] = lambda: None) -> None:
        self.at, self.act = at, act
        self.steps: list[int] = []
        self.epochs: list[EpochMetrics] = []

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        self.model = model

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        self.steps.append(step)
        if step == self.at:
            self.act()

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        self.epochs.append(metrics)


def only_run(store: RunStore) -> Run:
    (run,) = store.list()
    return run


def steps_of(store: RunStore, run: Run) -> list[int]:
    return [int(step) for step in read_steps(store.folder(run.id) / STEPS_FILE)["step"]]


def long(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, epochs=500)


def test_a_run_in_the_foreground_is_a_run_like_any_other(
    store: RunStore, recipe: Recipe, tmp_path: Path
) -> None:
    watcher = Watcher()
    run = worker.run_in_foreground(dataclasses.replace(recipe, epochs=2), watcher)
    assert (run.status, run.reason) == (Status.FINISHED, None)
    assert (run.epoch, run.step, run.total_steps) == (2, 2 * STEPS, 2 * STEPS)
    assert watcher.steps == steps_of(store, run) == list(range(1, 2 * STEPS + 1))
    assert store.epochs(run.id) == watcher.epochs
    assert run.test_accuracy == watcher.epochs[-1].test_accuracy
    assert run.checkpoint == run.id
    checkpoint = checkpoints.get(run.id)
    assert checkpoint.test_accuracy == run.test_accuracy
    checkpoints.load_model(checkpoint)
    assert not (store.folder(run.id) / "reserve").exists()

    exported = export_checkpoint(run.id, tmp_path / "ship")
    names = sorted(path.name for path in (tmp_path / "ship").iterdir())
    assert names == [f"{exported.id}.json", f"{exported.id}.safetensors"]
    assert (exported.id, exported.run_id) == (f"basic-cnn-mnist-sample-{run.id}", run.id)
    checkpoints.load_model(exported)


def test_some_space_is_kept_back_for_the_last_words(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    finish = RunStore.finish

    def look() -> None:
        data = (store.folder(only_run(store).id) / "reserve").read_bytes()
        sizes.append(len(data) - data.count(0))  # zeros may be stored without taking any space

    def finished(*arguments: object, **facts: object) -> bool:
        assert not (store.folder(only_run(store).id) / "reserve").exists()  # its space is free for this
        return finish(*arguments, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(RunStore, "finish", finished)
    run = worker.run_in_foreground(recipe, Watcher(at=3, act=look))
    assert run.status == Status.FINISHED
    assert sizes[0] > 100_000  # a few pages of the database and of its log


def test_a_worker_carries_out_a_queued_run_once(
    store: RunStore, recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = store.create(recipe)
    assert worker.main(run_id) == 0
    assert store.get(run_id).status == Status.FINISHED
    assert worker.main(run_id) == 1
    assert "already has a worker, or is over" in capsys.readouterr().err
    assert worker.main("nonsense") == 2
    assert "'nonsense'" in capsys.readouterr().err


def test_stop_ends_the_run_and_keeps_metrics_and_weights(store: RunStore, recipe: Recipe) -> None:
    watcher = Watcher(at=3, act=lambda: store.request_stop(only_run(store).id))
    run = worker.run_in_foreground(long(recipe), watcher)
    assert run.status == Status.STOPPED
    assert 3 <= run.step < run.total_steps
    assert steps_of(store, run)[-1] == run.step
    assert checkpoints.get(run.id).test_accuracy == run.test_accuracy


def test_control_c_stops(store: RunStore, recipe: Recipe) -> None:
    before = signal.getsignal(signal.SIGINT)
    watcher = Watcher(at=3, act=lambda: os.kill(os.getpid(), signal.SIGINT))
    run = worker.run_in_foreground(long(recipe), watcher)
    assert (run.status, run.step) == (Status.STOPPED, 3)
    assert signal.getsignal(signal.SIGINT) is before


def test_whoever_presses_control_c_twice_loses_only_the_weights(store: RunStore, recipe: Recipe) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    run = worker.run_in_foreground(long(recipe), Watcher(at=5, act=interrupt))
    assert (run.status, run.checkpoint) == (Status.STOPPED, None)
    assert steps_of(store, run) == [1, 2, 3, 4, 5]


def test_sigterm_interrupts_cleanly(store: RunStore, recipe: Recipe) -> None:
    watcher = Watcher(at=3, act=lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(CnnvizError, match="received a signal to exit"):
        worker.run_in_foreground(long(recipe), watcher)
    run = only_run(store)
    assert (run.status, steps_of(store, run)) == (Status.INTERRUPTED, [1, 2, 3])


def test_a_worker_whose_run_was_taken_stops_and_changes_nothing(store: RunStore, recipe: Recipe) -> None:
    def take_away() -> None:
        assert store.finish(only_run(store).id, str(only_run(store).worker), Status.INTERRUPTED)

    watcher = Watcher(at=3, act=take_away)
    with pytest.raises(CnnvizError, match="no longer belongs to this worker"):
        worker.run_in_foreground(long(recipe), watcher)
    run = only_run(store)
    assert (run.status, run.checkpoint) == (Status.INTERRUPTED, None)
    assert len(watcher.steps) < 500 * STEPS


def test_a_worker_whose_run_was_taken_leaves_its_files_alone(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeats: list[Heartbeat] = []

    class Noted(Heartbeat):
        def __enter__(self) -> Heartbeat:
            heartbeats.append(self)
            return super().__enter__()

    def take_away() -> None:
        run = only_run(store)
        assert store.finish(run.id, str(run.worker), Status.INTERRUPTED)
        until(lambda: heartbeats[0].lost)

    monkeypatch.setattr(worker, "Heartbeat", Noted)
    with pytest.raises(CnnvizError, match="no longer belongs to this worker"):
        worker.run_in_foreground(long(recipe), Watcher(at=STEPS, act=take_away))
    run = only_run(store)
    assert not (store.folder(run.id) / STATE_NAME).exists()
    assert [step for step, _epoch in snapshots.available(run.id)] == [0, 1, 2, 4, 8]


def test_a_long_silence_of_the_loop_does_not_lose_the_lease(
    store: RunStore, configuration: Settings, recipe: Recipe
) -> None:
    hasty = dataclasses.replace(configuration, lease_seconds=1.0)
    watcher = Watcher(at=3, act=lambda: time.sleep(2.5))  # a test pass that is longer than the lease
    assert worker.run_in_foreground(recipe, watcher, hasty).status == Status.FINISHED


def test_a_missing_data_set_is_the_reason(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "nowhere"))
    run_id = store.create(dataclasses.replace(recipe, dataset="mnist"))
    assert worker.main(run_id) == 1
    run = store.get(run_id)
    assert run.status == Status.FAILED
    assert "nowhere" in str(run.reason)


def test_a_loss_that_diverges_is_the_reason(store: RunStore, recipe: Recipe) -> None:
    def spoil() -> None:
        with torch.no_grad():
            next(watcher.model.parameters()).fill_(torch.nan)

    watcher = Watcher(at=3, act=spoil)
    with pytest.raises(CnnvizError, match="diverged"):
        worker.run_in_foreground(recipe, watcher)
    run = only_run(store)
    assert (run.status, run.checkpoint) == (Status.FAILED, None)
    assert steps_of(store, run)[:3] == [1, 2, 3]


def test_weights_that_the_last_step_of_an_epoch_spoils_are_the_reason(
    store: RunStore, recipe: Recipe
) -> None:
    def spoil() -> None:
        with torch.no_grad():
            next(watcher.model.parameters()).fill_(torch.nan)

    watcher = Watcher(at=STEPS, act=spoil)
    with pytest.raises(CnnvizError, match=rf"became infinite or NaN at step {STEPS} \(epoch 1\)"):
        worker.run_in_foreground(recipe, watcher)
    run = only_run(store)
    assert (run.status, run.checkpoint, list(store.epochs(run.id))) == (Status.FAILED, None, [])


def test_a_run_that_fails_before_it_goes_on_keeps_its_place(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(at=STEPS + 3, act=lambda: os.kill(os.getpid(), signal.SIGINT))
    run = worker.run_in_foreground(long(recipe), watcher)
    assert (run.status, run.epoch, run.step) == (Status.STOPPED, 2, STEPS + 3)
    store.resume(run.id)
    monkeypatch.setattr(memory, "check", refuse)
    assert worker.main(run.id) == 1
    failed = store.get(run.id)
    assert (failed.status, failed.epoch, failed.step) == (Status.FAILED, run.epoch, run.step)


def refuse(_recipe: Recipe) -> None:
    raise CnnvizError(Message("There is too little memory."))


def test_a_recipe_out_of_range_makes_no_run(store: RunStore, recipe: Recipe) -> None:
    with pytest.raises(UsageError, match="batch size"):
        worker.run_in_foreground(dataclasses.replace(recipe, batch_size=0))
    assert store.list() == []


def test_a_recipe_of_another_version_is_the_reason(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recipe, "to_dict", lambda self: {"architecture": "basic-cnn", "warp": 9})
    run_id = store.create(recipe)
    assert worker.main(run_id) == 1
    assert "warp" in str(store.get(run_id).reason)


def test_a_full_disk_fails_the_run_and_keeps_its_metrics(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FLUSH_SECONDS", 0)
    write_whole = metrics._write_whole

    def full(file: int, data: bytes) -> None:
        if only_run(store).status == Status.RUNNING and len(watcher.steps) >= 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_whole(file, data)

    watcher = Watcher()
    monkeypatch.setattr(metrics, "_write_whole", full)
    with pytest.raises(CnnvizError, match=r"disk is full.*are kept"):
        worker.run_in_foreground(recipe, watcher)
    run = only_run(store)
    assert (run.status, run.checkpoint) == (Status.FAILED, None)
    assert "disk is full" in str(run.reason)
    assert steps_of(store, run) == [1, 2, 3, 4, 5]
    assert not (store.folder(run.id) / "reserve").exists()


def test_a_disk_that_is_full_for_the_checkpoint_is_the_reason(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(files: Mapping[Path, bytes]) -> None:
        raise StorageError(next(iter(files)), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr(checkpoints, "write_together", full)
    with pytest.raises(CnnvizError, match="disk is full"):
        worker.run_in_foreground(recipe)
    run = only_run(store)
    assert (run.status, run.checkpoint, len(store.epochs(run.id))) == (Status.FAILED, None, 1)
    assert checkpoints.scan().problems == ()


def test_a_disk_that_is_full_for_the_snapshots_is_the_reason(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CnnvizError, match="disk is full"):
        worker.run_in_foreground(recipe)
    assert only_run(store).status == Status.FAILED


def test_an_unforeseen_error_fails_the_run_and_is_in_the_log(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(loop, "train", broken)
    with pytest.raises(CnnvizError, match=r"division by zero.*worker\.log"):
        worker.run_in_foreground(recipe)
    run = only_run(store)
    assert run.status == Status.FAILED
    assert "ZeroDivisionError" in (store.folder(run.id) / "worker.log").read_text()


def test_too_little_memory_is_the_reason(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(loop, "train", hungry)
    with pytest.raises(CnnvizError, match="batch size below 250"):
        worker.run_in_foreground(recipe)


LEAN = """
import sys
from cnnviz.training.worker import worker
assert "torch" not in sys.modules, "a worker claims before it imports torch"
worker.main(sys.argv[1])
print(sorted({"streamlit", "plotly", "torchvision"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_worker_imports_only_what_training_needs(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    done = subprocess.run(
        [sys.executable, "-c", LEAN, run_id],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=PROJECT_DIRECTORY,
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert store.get(run_id).status == Status.FINISHED


def test_a_database_that_is_locked_for_a_while_loses_nothing(
    store: RunStore, configuration: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = RunStore(configuration, patience=0.05)
    monkeypatch.setattr(store, "_database", impatient._database)
    blocker = sqlite3.connect(
        configuration.runs_dir / "runs.sqlite3", isolation_level=None, check_same_thread=False
    )

    def lock() -> None:
        blocker.execute("BEGIN IMMEDIATE")
        threading.Timer(1.5, blocker.rollback).start()

    run = worker.run_in_foreground(recipe, Watcher(at=STEPS, act=lock))  # just before the epoch is written
    blocker.close()
    assert (run.status, len(store.epochs(run.id))) == (Status.FINISHED, 1)


def test_a_disk_that_is_full_for_the_database_is_the_reason(
    store: RunStore, configuration: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = dataclasses.replace(configuration, lease_seconds=1.0)

    def full(*_: object) -> bool:
        raise StoreError(Message("The disk that holds it is full."))

    monkeypatch.setattr(RunStore, "add_epoch", full)
    with pytest.raises(CnnvizError, match="disk that holds it is full"):
        worker.run_in_foreground(recipe, configuration=hasty)
    run = only_run(store)
    assert (run.status, str(run.reason)) == (Status.FAILED, "The disk that holds it is full.")
    assert len(steps_of(store, run)) == STEPS
