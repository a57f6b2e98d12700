"""Runs whose files are kept in a real S3 server: no machine needs another's folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.object_store import NoObjectStoreError, object_store
from cnnviz.settings import Settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued
from tests.training.watching import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EPOCHS, ALL = 10, 10**6
"""So many that a worker is still at it when its third epoch has been seen, some seconds later."""


@pytest.fixture
def stored(configuration: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store of a server whose runs are kept in a bucket; other servers use the same database."""
    pytest.importorskip("s3fs")
    monkeypatch.setenv("CNNVIZ_DATABASE_URL", f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    try:
        with object_store() as bucket:
            monkeypatch.setenv("CNNVIZ_RUNS_URL", f"{bucket.url}/course")
            yield open_store()
    except NoObjectStoreError as error:
        pytest.skip(str(error))


def test_a_run_goes_on_where_nothing_of_it_lies_and_is_seen_on_another_server(
    stored: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = stored.create(Recipe.default("basic-cnn", dataset="mnist-sample", epochs=EPOCHS, batch_size=25))
    start_queued()
    until(lambda: stored.get(run_id).epoch >= 3 and len(snapshots.available(run_id)) > 3)
    os.kill(_worker_of(stored.get(run_id)), signal.SIGKILL)
    until(lambda: start_queued() or stored.get(run_id).status == Status.INTERRUPTED)
    before = read_steps(stored.file(stored.get(run_id), STEPS_FILE), ALL)["loss"]

    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "another-machine"))
    another = open_store()
    another.resume(run_id)
    start_queued()
    until(lambda: not another.get(run_id).is_open)

    run = another.get(run_id)
    assert (run.status, run.reason) == (Status.FINISHED, None)
    assert [epoch.epoch for epoch in another.epochs(run_id)] == list(range(1, EPOCHS + 1))
    for server in (stored, another):
        steps = read_steps(server.file(run, STEPS_FILE), ALL)
        assert steps["step"].tolist() == list(range(1, run.total_steps + 1))
    assert steps["loss"][: len(before)].tolist() == before.tolist()
    assert checkpoints.get(run_id) in checkpoints.available()
    assert checkpoints.load_model(checkpoints.get(run_id)).training is False
    assert not another.folder(run_id).exists()

    another.delete(run_id)
    assert run_id not in [checkpoint.id for checkpoint in checkpoints.available()]
    another.remove([run_id])
    assert not another.file(run, STEPS_FILE).exists()


def _worker_of(run: Run) -> int:
    assert run.is_open, "the run was over before anybody could end its worker"
    assert run.pid
    return run.pid
