"""Runs that a real cluster trains, with a real PostgreSQL: Ray's, which the test starts, and the Slurm of this machine.
Skipped where they are not installed (``requirements-cluster.txt``, ``slurm-wlm``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest

from benchmarks.object_store import NoObjectStoreError, object_store
from benchmarks.postgres import NoPostgresError, postgres
from benchmarks.serving import free_port
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued
from tests.training.watching import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HEAD = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The dashboard of a cluster of one node with two cores."""
    pytest.importorskip("ray")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # short: Ray's sockets are in it
        words = [
            "--head",
            "--num-cpus=2",
            f"--port={free_port()}",
            f"--dashboard-port={port}",
            f"--temp-dir={folder}",
        ]
        subprocess.run([*HEAD, "start", *words, "--disable-usage-stats"], check=True, capture_output=True)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            subprocess.run([*HEAD, "stop", "--force"], check=True, capture_output=True)


def needs_slurm() -> None:
    """Skip where no Slurm answers."""
    if shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True).returncode != 0:
        pytest.skip("no Slurm answers here")


@pytest.fixture(params=["ray", "slurm", "ray with an object store", "slurm with an object store"])
def shared(
    configuration: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[tuple[RunStore, Callable[[], object]]]:
    """The store of a server that lets the cluster train, and what its pages do again and again."""
    pytest.importorskip("psycopg")
    cluster, *elsewhere = request.param.split(" with ")
    if cluster == "ray":
        monkeypatch.setenv("CNNVIZ_RAY_ADDRESS", request.getfixturevalue("address"))
    else:
        needs_slurm()
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(postgres())
            if elsewhere:
                monkeypatch.setenv("CNNVIZ_RUNS_URL", f"{stack.enter_context(object_store()).url}/course")
        except (NoPostgresError, NoObjectStoreError) as error:
            pytest.skip(str(error))
        monkeypatch.setenv("CNNVIZ_DATABASE_URL", url.format(database="postgres"))
        monkeypatch.setenv("CNNVIZ_EXECUTOR", cluster)
        monkeypatch.setenv("CNNVIZ_MAX_WORKERS", "8")
        store = open_store(settings())
        yield store, start_queued
        store.close()


def test_runs_are_trained_there_and_one_that_is_killed_goes_on(
    shared: tuple[RunStore, Callable[[], object]], recipe: Recipe
) -> None:
    store, look = shared
    ids = [store.create(dataclasses.replace(recipe, epochs=3, threads=1)) for _ in range(3)]

    def goes(condition: Callable[[], object]) -> Callable[[], object]:
        return lambda: (look(), condition())[1]

    until(goes(lambda: any(store.epochs(run_id) for run_id in ids)))
    assert any(store.get(run_id).status == Status.STARTING for run_id in ids)  # three of two cores
    killed = next(run_id for run_id in ids if store.epochs(run_id))
    if (pid := store.get(killed).pid) is not None:
        os.kill(pid, signal.SIGKILL)
    until(goes(lambda: all(store.get(run_id).status == Status.FINISHED for run_id in ids)), 600)
    assert [[epoch.epoch for epoch in store.epochs(run_id)] for run_id in ids] == [[1, 2, 3]] * 3
    assert (store.get(killed).attempts or 0) >= 2
    for run_id in ids:
        assert len(read_steps(store.file(store.get(run_id), STEPS_FILE))) == store.get(run_id).total_steps


def test_several_processes_train_there_and_go_on_when_all_of_them_are_killed(
    shared: tuple[RunStore, Callable[[], object]], recipe: Recipe
) -> None:
    store, look = shared
    run_id = store.create(dataclasses.replace(recipe, epochs=40, threads=1, workers=2))
    until(lambda: (look(), len(store.epochs(run_id)) > 1)[1])
    before = [epoch.test_loss for epoch in store.epochs(run_id)]
    pid = store.get(run_id).pid
    assert pid is not None
    helpers = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    assert len(helpers.stdout.split()) == 1
    os.kill(pid, signal.SIGKILL)
    until(lambda: (look(), store.get(run_id).status == Status.FINISHED)[1], 600)
    assert store.get(run_id).attempts == 2
    after = store.epochs(run_id)
    assert [epoch.epoch for epoch in after] == list(range(1, 41))
    assert [epoch.test_loss for epoch in after[: len(before)]] == before


def test_a_run_is_stopped_while_its_job_waits(
    shared: tuple[RunStore, Callable[[], object]], recipe: Recipe
) -> None:
    store, look = shared
    ids = [store.create(dataclasses.replace(recipe, epochs=50, threads=1)) for _ in range(4)]  # of two cores
    until(lambda: (look(), store.get(ids[-1]).waits)[1])
    run_id = ids[-1]
    store.request_stop(run_id)
    until(lambda: (look(), store.get(run_id).status == Status.STOPPED)[1])
    assert store.get(run_id).epoch == 0
    for other in ids[:-1]:
        store.request_stop(other)
    until(lambda: (look(), not any(run.is_open for run in store.list()))[1])
