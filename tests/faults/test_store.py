"""The database of runs: damaged bytes, a clock that is set back, two servers on one folder."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnnviz.errors import CnnvizError
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore

ROUNDS = 2000 if os.environ.get("CNNVIZ_LONG_FAULTS") else 40
RECIPE = Recipe.default("mlp", dataset="mnist-sample")


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("CNNVIZ_DATABASE_URL", "")
    return settings()


@pytest.fixture
def store(configuration: Settings) -> Iterator[RunStore]:
    store = RunStore(configuration)
    yield store
    store.close()


def figures(epoch: int) -> EpochMetrics:
    return EpochMetrics(epoch, 0.5, 0.8, 0.4, 0.9, 1.0, 1000.0)


def begun(store: RunStore) -> str:
    """A run with one epoch, whose worker is this process."""
    run_id = store.create(RECIPE, "worker")
    assert store.begin(run_id, "worker", 40)
    assert store.add_epoch(run_id, "worker", figures(1))
    return run_id


def is_refused(configuration: Settings) -> bool:
    """Whether something that the app does with its database ends in a sentence."""
    damaged = None
    try:
        damaged = RunStore(configuration, patience=0.2)
        for run in damaged.list():
            damaged.epochs(run.id)
        damaged.reap()
        damaged.create(RECIPE)
    except CnnvizError as problem:
        return bool(str(problem).strip())
    finally:
        if damaged is not None:
            damaged.close()
    return False


def test_a_damaged_database_is_told_in_a_sentence(configuration: Settings) -> None:
    store = RunStore(configuration)
    for _ in range(20):
        begun(store)
    store.close()
    (path,) = configuration.runs_dir.glob("*.sqlite3")
    whole, chance = path.read_bytes(), random.Random(18)
    refused = 0
    for _ in range(ROUNDS):
        spoiled = bytearray(whole)
        for _ in range(chance.randrange(1, 200)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        path.write_bytes(spoiled[: chance.randrange(len(spoiled))] if chance.random() < 0.2 else spoiled)
        for beside in configuration.runs_dir.glob("*.sqlite3-*"):
            beside.unlink()
        begin = time.process_time()
        refused += is_refused(configuration)
        assert time.process_time() - begin < 5.0
    assert refused > ROUNDS / 4


def test_a_clock_that_is_set_back_loses_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, queued = begun(store), store.create(RECIPE)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600.0)
    assert store.reap() == []
    assert store.get(going_on).status is Status.RUNNING
    assert store.renew(going_on, "worker", 1, 41)
    assert store.add_epoch(going_on, "worker", figures(2))
    later = store.create(RECIPE)
    assert [run.id for run in store.list()][:3] == [later, queued, going_on]
    assert store.take_next(max_workers=3) == queued
    assert store.take_next(max_workers=3) == later
    monkeypatch.setattr(time, "time", now)
    assert going_on not in store.reap()
    assert [epoch.epoch for epoch in store.epochs(going_on)] == [1, 2]


def test_two_servers_on_one_folder_start_each_run_once(configuration: Settings, store: RunStore) -> None:
    queued = [store.create(RECIPE) for _ in range(24)]
    servers = [RunStore(configuration, patience=30.0) for _ in range(2)]

    def take(number: int) -> list[str]:
        server, taken = servers[number % 2], []
        while (run_id := server.take_next(max_workers=100)) is not None:
            taken.append(run_id)
            assert server.claim(run_id, f"worker {number}")
            assert not servers[(number + 1) % 2].claim(run_id, "another")
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [run_id for found in pool.map(take, range(6)) for run_id in found]
    for server in servers:
        server.close()
    assert sorted(taken) == sorted(queued)
