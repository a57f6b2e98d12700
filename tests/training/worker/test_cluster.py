"""Runs that a cluster trains: its scheduler is a small one of the test's own, its jobs are real processes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import MOST_ATTEMPTS, START_SECONDS, Run, Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import cluster as cluster_module
from cnnviz.training.worker.cluster import Cluster, Job, Needs, UnreachableError, job_id, needs_of
from cnnviz.training.worker.dispatching import dispatch, executor_of
from tests.training.watching import until


class SmallScheduler:
    """Starts jobs as processes while it has room for them."""

    name = "small"

    def __init__(self, room: int = 1) -> None:
        self.room = room
        self.asked: list[str] = []
        self.needs: list[Needs] = []
        self.is_down = False
        self._waiting: dict[str, Callable[[], subprocess.Popen[bytes]]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def submit(
        self, job_id: str, words: Sequence[str], variables: Mapping[str, str], needs: Needs, log: Path
    ) -> None:
        self._answer()
        self.asked.append(job_id)
        self.needs.append(needs)

        def begin() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                environment = {**os.environ, **variables}
                return subprocess.Popen(words, env=environment, stdout=output, stderr=output)

        if job_id not in self.processes:
            self._waiting[job_id] = begin

    def look(self, job_id: str) -> Job | None:
        self._answer()
        self.move()
        if job_id in self._waiting:
            return Job(False, "waiting for a free core")
        process = self.processes.get(job_id)
        if process is None:
            return None
        status = process.poll()
        return Job(status is not None, "running" if status is None else f"exit status {status}")

    def cancel(self, job_id: str) -> None:
        self._answer()
        self._waiting.pop(job_id, None)
        if job_id in self.processes:
            self.processes[job_id].kill()

    def move(self) -> None:
        busy = sum(process.poll() is None for process in self.processes.values())
        for name in list(self._waiting)[: max(0, self.room - busy)]:
            self.processes[name] = self._waiting.pop(name)()

    def _answer(self) -> None:
        if self.is_down:
            raise UnreachableError(Message("The cluster is being serviced."))


@pytest.fixture
def scheduler() -> Iterator[SmallScheduler]:
    scheduler = SmallScheduler()
    yield scheduler
    for process in scheduler.processes.values():
        process.kill()
        process.wait()


@pytest.fixture
def cluster(configuration: Settings, scheduler: SmallScheduler, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(cluster_module, "LOOK_SECONDS", 0.0)
    return Cluster(configuration, scheduler)


def test_a_job_is_asked_for_with_what_the_recipe_needs_and_may_wait_for_long(
    store: RunStore,
    cluster: Cluster,
    scheduler: SmallScheduler,
    recipe: Recipe,
    wait: Callable[[float], None],
) -> None:
    scheduler.room = 0
    run_id = store.create(dataclasses.replace(recipe, threads=2, workers=3))
    assert dispatch(store, cluster, max_workers=4) == [run_id]
    run = store.get(run_id)
    assert (run.status, run.executor, run.attempts, run.host) == (Status.STARTING, "small", 1, None)
    assert scheduler.asked == [job_id(run)] == [f"cnnviz-{run_id}-1"]
    assert scheduler.needs[0].cores == 6
    assert 3 * 600e6 < scheduler.needs[0].memory_bytes < 5e9
    assert scheduler.needs[0].gpus == 0
    for _hour in range(3):
        dispatch(store, cluster, max_workers=4)
        wait(START_SECONDS - 1)  # the scheduler still knows the job: it is no process that does not begin
    assert store.get(run_id).status == Status.STARTING
    assert str(store.get(run_id).waits) == "The cluster says: waiting for a free core"


def test_no_more_jobs_are_asked_for_than_the_cluster_is_given(
    store: RunStore, cluster: Cluster, scheduler: SmallScheduler, recipe: Recipe
) -> None:
    scheduler.room = 0
    ids = [store.create(recipe) for _ in range(3)]
    assert dispatch(store, cluster, max_workers=2) == ids[:2]
    assert store.take_next(1) == ids[2]  # whatever the cluster does, this machine has its own place


def test_a_run_keeps_its_turn_while_the_cluster_does_not_answer(
    store: RunStore, cluster: Cluster, scheduler: SmallScheduler, recipe: Recipe
) -> None:
    first, second = store.create(recipe), store.create(recipe)
    scheduler.is_down = True
    for _again in range(5):
        assert dispatch(store, cluster, max_workers=2) == []
    run = store.get(first)
    assert (run.status, run.attempts, str(run.waits)) == (Status.QUEUED, 0, "The cluster is being serviced.")
    assert store.queue_position(first) == 1
    scheduler.is_down, scheduler.room = False, 0
    assert dispatch(store, cluster, max_workers=2) == [first, second]


def test_a_job_that_the_cluster_has_forgotten_is_asked_for_again_under_another_name(
    store: RunStore, cluster: Cluster, scheduler: SmallScheduler, recipe: Recipe
) -> None:
    scheduler.room = 0
    run_id = store.create(recipe)
    dispatch(store, cluster, max_workers=1)
    scheduler.cancel(f"cnnviz-{run_id}-1")  # as a head that was restarted
    dispatch(store, cluster, max_workers=1)
    assert scheduler.asked == [f"cnnviz-{run_id}-1", f"cnnviz-{run_id}-2"]


def test_a_job_that_waits_is_stopped_at_once(
    store: RunStore, cluster: Cluster, scheduler: SmallScheduler, recipe: Recipe
) -> None:
    scheduler.room = 0
    run_id = store.create(recipe)
    dispatch(store, cluster, max_workers=1)
    store.request_stop(run_id)
    dispatch(store, cluster, max_workers=1)
    assert store.get(run_id).status == Status.STOPPED
    assert scheduler.look(f"cnnviz-{run_id}-1") is None


def test_a_job_whose_worker_cannot_begin_is_given_up_with_the_end_of_its_log(
    store: RunStore,
    cluster: Cluster,
    scheduler: SmallScheduler,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = "import sys; sys.exit('No module named torch on this node')"
    monkeypatch.setattr(cluster_module, "command", lambda *_: [sys.executable, "-c", broken])
    run_id = store.create(recipe)

    def has_ended() -> bool:
        dispatch(store, cluster, max_workers=1)
        return not store.get(run_id).is_open

    until(has_ended)
    run = store.get(run_id)
    assert run.status == Status.INTERRUPTED
    assert "exit status 1" in str(run.reason)
    assert "No module named torch on this node" in str(run.reason)
    assert len(scheduler.asked) == 3


@pytest.mark.slow
def test_a_run_whose_node_is_lost_is_trained_to_its_end_by_another(
    store: RunStore, cluster: Cluster, scheduler: SmallScheduler, recipe: Recipe
) -> None:
    run_id = store.create(dataclasses.replace(recipe, epochs=5, batch_size=50))

    def goes(condition: Callable[[], object]) -> Callable[[], object]:
        def look() -> object:
            dispatch(store, cluster, max_workers=1)
            return condition()

        return look

    until(goes(lambda: store.get(run_id).epoch >= 1 and store.epochs(run_id)))
    before = store.epochs(run_id)
    scheduler.processes[f"cnnviz-{run_id}-1"].kill()
    until(goes(lambda: store.get(run_id).status == Status.FINISHED))
    assert scheduler.asked[:2] == [
        f"cnnviz-{run_id}-1",
        f"cnnviz-{run_id}-2",
    ]  # more where the machine is too busy
    # an epoch whose end was not saved in a state yet is trained once more, and the same comes out
    after = [epoch.train_loss for epoch in store.epochs(run_id)]
    assert after[: len(before)] == [epoch.train_loss for epoch in before]
    assert [epoch.epoch for epoch in store.epochs(run_id)] == [1, 2, 3, 4, 5]


def test_a_run_that_is_lost_again_and_again_waits_for_a_person(
    store: RunStore, cluster: Cluster, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe)
    store.create(recipe)  # asked for later, it waits until the first is done with
    for attempt in range(1, MOST_ATTEMPTS + 1):
        dispatch(store, cluster, max_workers=1)
        assert store.get(run_id).attempts == attempt
        assert store.claim(run_id, f"worker {attempt}")
        wait(2 * START_SECONDS)
    store.reap()
    run = store.get(run_id)
    assert run.status == Status.INTERRUPTED
    assert "has not responded for too long" in str(run.reason)


def test_a_lost_worker_is_noticed_while_the_cluster_does_not_answer(
    store: RunStore,
    cluster: Cluster,
    scheduler: SmallScheduler,
    recipe: Recipe,
    wait: Callable[[float], None],
) -> None:
    run_id = store.create(recipe)
    dispatch(store, cluster, max_workers=1)
    assert store.claim(run_id, "worker")
    wait(2 * START_SECONDS)
    scheduler.is_down = True
    dispatch(store, cluster, max_workers=1)
    assert store.get(run_id).status == Status.QUEUED


def test_only_the_attempt_that_was_lost_is_cancelled(
    store: RunStore,
    cluster: Cluster,
    scheduler: SmallScheduler,
    recipe: Recipe,
    wait: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler.room = 0
    run_id = store.create(recipe)
    dispatch(store, cluster, max_workers=1)
    assert store.claim(run_id, "worker")
    wait(2 * START_SECONDS)
    cancelled: list[str] = []
    monkeypatch.setattr(scheduler, "cancel", cancelled.append)
    interrupt = store.interrupt_lost

    def and_another_server_is_faster() -> Sequence[Run]:
        lost = interrupt()
        assert store.take_next(1, "small") == run_id
        return lost

    monkeypatch.setattr(store, "interrupt_lost", and_another_server_is_faster)
    dispatch(store, cluster, max_workers=1)
    assert cancelled == [f"cnnviz-{run_id}-1"]
    assert store.get(run_id).attempts == 2


def test_needs_of_a_run_on_a_gpu(recipe: Recipe) -> None:
    assert needs_of(dataclasses.replace(recipe, device="cuda")).gpus == 1


def test_a_cluster_with_a_database_in_a_file_is_refused(
    configuration: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_EXECUTOR", "ray")
    with pytest.raises(UsageError, match=r"a database that every machine .* CNNVIZ_DATABASE_URL=postgresql"):
        executor_of(settings())


def test_an_executor_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_EXECUTOR", "abacus")
    with pytest.raises(UsageError, match="CNNVIZ_EXECUTOR must be one of local, ray, slurm; got 'abacus'"):
        settings()
