"""What people ask of a run while it trains."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from cnnviz.errors import UsageError
from cnnviz.settings import Settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import RATES_FILE, RateChange, read_rate_changes, write_rate_changes
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, read_samples, read_steps
from cnnviz.training.store.runs import Kind, Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.training.worker.heartbeat import Heartbeat
from tests.training.watching import Losses, until

STEPS = 16  # 4,000 images in batches of 250


@contextmanager
def working(store: RunStore, run_id: str) -> Iterator[threading.Thread]:
    """A worker in a thread of this process; at the end of the block it has ended."""
    thread = threading.Thread(target=worker.main, args=(run_id,))
    thread.start()
    try:
        yield thread
    finally:
        store.request_stop(run_id)
        thread.join()


def steps_of(store: RunStore, run_id: str) -> list[int]:
    return [int(step) for step in read_steps(store.folder(run_id) / STEPS_FILE)["step"]]


def is_paused_after(store: RunStore, run_id: str, step: int) -> bool:
    run = store.get(run_id)
    return (run.status, run.step) == (Status.PAUSED, step)


@pytest.fixture
def long(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, epochs=500)


def paused_at_start(store: RunStore, recipe: Recipe) -> str:
    """A run whose worker will hold it before its first step."""
    run_id = store.create(recipe)
    assert store.take_next(1) == run_id
    store.request_pause(run_id)
    return run_id


@pytest.mark.slow
def test_a_run_waits_makes_single_steps_and_goes_on(store: RunStore, long: Recipe) -> None:
    run_id = paused_at_start(store, long)
    with working(store, run_id):
        until(lambda: is_paused_after(store, run_id, 0))
        assert store.get(run_id).is_open
        for step in (1, 2, 3):
            store.request_step(run_id)
            until(lambda step=step: is_paused_after(store, run_id, step))
            assert steps_of(store, run_id) == list(range(1, step + 1))
        store.resume(run_id)
        until(lambda: store.get(run_id).status == Status.RUNNING)
        until(lambda: store.get(run_id).step > 10)
        store.request_pause(run_id)
        until(lambda: store.get(run_id).status == Status.PAUSED)
        before = store.get(run_id).step
        store.request_step(run_id)
        until(lambda: is_paused_after(store, run_id, before + 1))
    assert store.get(run_id).status == Status.STOPPED
    assert checkpoints.get(run_id).test_accuracy == store.get(run_id).test_accuracy


@pytest.mark.slow
def test_steps_taken_one_by_one_are_the_same_steps(store: RunStore, recipe: Recipe) -> None:
    watcher = Losses()
    worker.run_in_foreground(recipe, watcher)
    run_id = paused_at_start(store, recipe)
    with working(store, run_id):
        for step in (1, 2, 3):
            until(lambda step=step: is_paused_after(store, run_id, step - 1))
            store.request_step(run_id)
        until(lambda: is_paused_after(store, run_id, 3))
        found = read_steps(store.folder(run_id) / STEPS_FILE)["loss"]
    np.testing.assert_array_equal(found, np.float32(watcher.steps[:3]))


def test_the_learning_rate_changes_in_the_middle(store: RunStore, long: Recipe) -> None:
    run_id = store.create(dataclasses.replace(long, schedule="step", step_epochs=400))
    with working(store, run_id):
        until(lambda: store.get(run_id).step > 5)
        store.request_learning_rate(run_id, 0.003)
        until(lambda: read_rates(store, run_id)[-1:] == [0.003])
    rates = read_rates(store, run_id)
    assert rates[0] == 0.01
    assert sorted(rates, reverse=True) == rates
    (change,) = checkpoints.get(run_id).rate_changes
    assert change.learning_rate == 0.003
    assert 5 < change.step < store.get(run_id).step
    assert read_rate_changes(store.folder(run_id) / RATES_FILE) == (change,)


def test_a_change_that_was_made_after_the_saved_state_is_forgotten(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(dataclasses.replace(recipe, train_images=500))
    write_rate_changes(store.folder(run_id), [RateChange(3, 0.5)])
    assert worker.main(run_id) == 0
    assert read_rate_changes(store.folder(run_id) / RATES_FILE) == checkpoints.get(run_id).rate_changes == ()


def read_rates(store: RunStore, run_id: str) -> list[float]:
    return [
        float(rate) for rate in read_samples(store.folder(run_id) / SAMPLES_FILE).records["learning_rate"]
    ]


def test_a_run_that_is_paused_for_too_long_gives_its_place_up_and_queues_when_resumed(
    store: RunStore, configuration: Settings, long: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "settings", dataclasses.replace(configuration, pause_seconds=0.3))
    first, second = store.create(long), store.create(long)
    assert store.take_next(1) == first
    store.request_pause(first)
    with monkeypatch.context() as alone:
        alone.setattr(worker, "start_queued", lambda *_, **__: [])
        assert worker.main(first) == 0
    run = store.get(first)
    assert (run.status, run.worker, run.is_open, run.step) == (Status.PAUSED, None, True, 0)
    assert store.reap() == []
    assert store.take_next(1) == second  # its place is free
    assert store.claim(second, "w")
    store.resume(first)
    assert (store.get(first).status, store.queue_position(first)) == (Status.QUEUED, 1)
    assert store.finish(second, "w", Status.FINISHED)
    assert store.take_next(1) == first


def test_a_step_of_a_run_without_a_worker_is_one_step(
    store: RunStore, configuration: Settings, long: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "settings", dataclasses.replace(configuration, pause_seconds=0.2))
    run_id = paused_at_start(store, long)
    for step in range(3):
        assert worker.main(run_id) == 0
        assert is_paused_after(store, run_id, step)
        store.request_step(run_id)
        assert store.get(run_id).status == Status.QUEUED
    store.request_stop(run_id)
    assert store.get(run_id).status == Status.STOPPED
    assert steps_of(store, run_id) == [1, 2]


@pytest.mark.slow
def test_a_rate_that_was_chosen_during_a_pause_survives_it(
    store: RunStore, configuration: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "settings", dataclasses.replace(configuration, pause_seconds=1.0))
    run_id = paused_at_start(store, dataclasses.replace(recipe, epochs=40))
    thread = threading.Thread(target=worker.main, args=(run_id,))
    thread.start()
    until(lambda: is_paused_after(store, run_id, 0))
    store.request_learning_rate(run_id, 0.002)
    thread.join()
    assert store.get(run_id).worker is None
    store.resume(run_id)
    with working(store, run_id):
        until(lambda: len(read_rates(store, run_id)))
    assert set(read_rates(store, run_id)) == {0.002}


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "perhaps unheard"])
@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda store, run_id, _heartbeat: store.resume(run_id), Status.QUEUED),
        (lambda store, run_id, _heartbeat: store.request_stop(run_id), Status.STOPPED),
        (lambda _store, _run_id, heartbeat: heartbeat.stop(), Status.STOPPED),  # as Control-C does
    ],
    ids=["resume", "stop", "Control-C"],
)
def test_whoever_asks_while_the_place_is_given_up_is_heard(
    store: RunStore,
    configuration: Settings,
    long: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[RunStore, str, Heartbeat], None],
    expected: Status,
    heard: bool,
) -> None:
    heartbeats: list[Heartbeat] = []

    class Known(Heartbeat):
        def __enter__(self) -> Heartbeat:
            heartbeats.append(self)
            return super().__enter__()

    monkeypatch.setattr(store, "settings", dataclasses.replace(configuration, pause_seconds=0.1))
    monkeypatch.setattr(worker, "start_queued", lambda *_, **__: [])
    monkeypatch.setattr(worker, "Heartbeat", Known)
    run_id = paused_at_start(store, long)
    store.request_step(run_id)  # so that there are weights to be saved at the end
    save = checkpoints.save

    def asked_meanwhile(*args: Any, **facts: Any) -> None:
        (heartbeat,) = heartbeats
        assert not heartbeat.attention
        ask(store, run_id, heartbeat)
        if heard:
            until(lambda: heartbeat.attention)
        save(*args, **facts)

    monkeypatch.setattr(checkpoints, "save", asked_meanwhile)
    assert worker.main(run_id) == 0
    run = store.get(run_id)
    assert (run.status, run.worker, run.step) == (expected, None, 1)


def test_a_paused_run_whose_worker_died_waits_on(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe, worker="w")
    assert store.pause(run_id, "w", 1, 3)
    wait(1.1 * store.settings.lease_seconds)
    assert store.reap() == [run_id]
    run = store.get(run_id)
    assert (run.status, run.worker, run.ended_at) == (Status.PAUSED, None, None)
    assert store.reap() == []
    assert not store.proceed(run_id, "w")
    store.resume(run_id)
    assert store.take_next(1) == run_id


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (RunStore.resume, Status.QUEUED),
        (RunStore.request_step, Status.QUEUED),
        (RunStore.request_stop, Status.STOPPED),
    ],
)
def test_what_a_paused_run_was_asked_for_survives_its_worker(
    store: RunStore,
    recipe: Recipe,
    wait: Callable[[float], None],
    ask: Callable[[RunStore, str], None],
    expected: Status,
) -> None:
    run_id = store.create(recipe, worker="w")
    assert store.pause(run_id, "w", 1, 3)
    ask(store, run_id)
    wait(1.1 * store.settings.lease_seconds)
    assert store.reap() == [run_id]
    assert (store.get(run_id).status, store.get(run_id).worker) == (expected, None)


def test_a_waiting_run_leaves_the_queue_when_it_is_paused(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    store.request_pause(run_id)
    assert store.get(run_id).status == Status.PAUSED
    assert store.take_next(1) is None
    store.resume(run_id)
    assert store.take_next(1) == run_id


def test_a_stop_ends_a_pause(store: RunStore, long: Recipe) -> None:
    run_id = paused_at_start(store, long)
    with working(store, run_id) as thread:
        until(lambda: store.get(run_id).status == Status.PAUSED)
        store.request_stop(run_id)
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert store.get(run_id).status == Status.STOPPED


def test_what_cannot_be_is_refused(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="w")
    with pytest.raises(UsageError, match="already going again"):
        store.resume(run_id)
    with pytest.raises(UsageError, match=r"learning rate must be .*; got 99\.0"):
        store.request_learning_rate(run_id, 99.0)
    assert store.finish(run_id, "w", Status.FINISHED)
    for refused in (store.resume, store.request_step, lambda id_: store.request_learning_rate(id_, 0.1)):
        with pytest.raises(UsageError, match="is finished: start a new one"):
            refused(run_id)


def test_a_stop_of_long_ago_does_not_end_a_resumed_run(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="w")
    store.request_stop(run_id)
    assert store.finish(run_id, "w", Status.STOPPED)
    store.request_learning_rate(run_id, 0.5)
    store.resume(run_id)
    assert store.requested(run_id) == [Kind.RATE]


@pytest.mark.slow
def test_a_run_that_pauses_is_not_slow(store: RunStore, long: Recipe) -> None:
    run_id = paused_at_start(store, long)
    begin = time.perf_counter()
    with working(store, run_id):
        until(lambda: store.get(run_id).status == Status.PAUSED)
        time.sleep(1.5)  # a person looks at the page
        store.request_step(run_id)
        until(lambda: is_paused_after(store, run_id, 1))
        first = read_steps(store.folder(run_id) / STEPS_FILE)[0]
        assert first["seconds"] < time.perf_counter() - begin - 1.5
