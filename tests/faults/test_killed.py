"""Workers are killed at random moments, and run out of memory or disk: nothing that was finished is lost.

``CNNVIZ_LONG_FAULTS=1`` kills 100 times.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cnnviz.settings import Settings, settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Status, processor_seconds
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.resuming import start_of
from tests.faults.forking import Forking, forking

ROUNDS = 100 if os.environ.get("CNNVIZ_LONG_FAULTS") else 4
RECIPE = dataclasses.replace(
    Recipe.default("mlp", dataset="mnist-sample"), epochs=12, train_images=1000, threads=1
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    variables = {
        "CNNVIZ_RUNS_DIR": str(tmp_path / "runs"),
        "CNNVIZ_SPARE_WORKERS": "0",
        "CNNVIZ_LEASE_SECONDS": "60",  # dead processes are seen; a slow one, on a busy machine, keeps its run
        "CNNVIZ_DATABASE_URL": "",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings()


@pytest.fixture(scope="module")
def forked() -> Iterator[Forking]:
    with forking() as process:
        yield process


Start = Callable[..., int]


@pytest.fixture
def start(forked: Forking, configuration: Settings) -> Start:
    """Starts a worker for a run, and tells its process id."""
    return lambda run_id, megabytes=0: forked.start(run_id, configuration.variables(), megabytes)


@pytest.fixture
def store(configuration: Settings) -> Iterator[RunStore]:
    store = RunStore(configuration, patience=30.0)
    yield store
    store.close()


def goes_on(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    return False


def await_end(pid: int, allowed: float = 60.0) -> float:
    """Wait until a process has ended, or has used so much of the processor as is ``allowed``; how much that was.

    Not of the clock: a busy machine may leave it little.
    """
    used = 0.0
    while goes_on(pid) and used < allowed:
        used = processor_seconds(pid) or used
        time.sleep(0.005)  # it is no child of this process
    return used


def last_state(store: RunStore, run_id: str) -> int:
    """The step from which the run would go on; 0: from the beginning."""
    found = start_of(store.get(run_id), store.folder(run_id), RECIPE)
    return 0 if found is None else found.step


def figures(store: RunStore, run_id: str) -> list[tuple[float, ...]]:
    """What the training gave in each epoch. How long it took is another matter: an epoch whose worker was killed after
    its end and before its state was saved is trained again, to the same figures.
    """
    return [
        (one.epoch, one.train_loss, one.train_accuracy, one.test_loss, one.test_accuracy)
        for one in store.epochs(run_id)
    ]


def test_nothing_is_lost_when_workers_are_killed(start: Start, store: RunStore) -> None:
    chance = random.Random(18)
    undisturbed = store.create(RECIPE)
    needed = await_end(start(undisturbed))
    assert store.get(undisturbed).status is Status.FINISHED

    run_id, kills = store.create(RECIPE), 0
    epochs, state = [], 0
    while kills < ROUNDS:
        pid = start(run_id)
        await_end(pid, chance.uniform(0.0, 0.7 * needed))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await_end(pid)
        kills += 1
        store.note_pid(run_id, pid)
        store.reap()
        run, found = store.get(run_id), figures(store, run_id)
        steps = [] if not (path := store.folder(run_id) / STEPS_FILE).exists() else read_steps(path)["step"]
        assert found[: len(epochs)] == epochs, "an epoch's metrics were lost"
        assert list(steps) == list(range(1, len(steps) + 1))
        assert last_state(store, run_id) >= state, "the last whole state was lost"
        epochs, state = found, last_state(store, run_id)
        if run.status is Status.FINISHED:
            assert_whole(store, run_id, undisturbed)
            run_id, epochs, state = store.create(RECIPE), [], 0
        elif run.status is not Status.QUEUED:  # else it was killed before it had begun
            assert run.status is Status.INTERRUPTED
            assert run.reason is not None
            assert run_id not in {found.id for found in checkpoints.scan().checkpoints}
            store.resume(run_id)
    await_end(start(run_id))
    assert_whole(store, run_id, undisturbed)


def assert_whole(store: RunStore, run_id: str, undisturbed: str) -> None:
    """The run ended as one that nobody disturbed, and left no file half written."""
    assert store.get(run_id).status is Status.FINISHED
    assert figures(store, run_id) == figures(store, undisturbed)
    assert checkpoints.load_model(checkpoints.get(run_id)) is not None


def test_a_worker_without_memory_says_so(start: Start, store: RunStore) -> None:
    large = Recipe.default("inception-mini", dataset="mnist-sample")
    large = dataclasses.replace(large, epochs=1, batch_size=4000, threads=1)
    run_id = store.create(large)
    await_end(start(run_id, megabytes=150))
    store.reap()
    run = store.get(run_id)
    assert run.status in (Status.FAILED, Status.INTERRUPTED)
    assert "memory" in str(run.reason)
    await_end(start(small := store.create(RECIPE)))
    assert store.get(small).status is Status.FINISHED


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A small file system at ``place``; the test is skipped where none may be mounted."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        allowed = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(start: Start, store: RunStore) -> None:
    """The run's folder alone is on it: the database is elsewhere."""
    run_id = store.create(dataclasses.replace(RECIPE, epochs=200))
    folder = store.folder(run_id)
    with mounted(folder, "size=3m"):
        pid = start(run_id)
        while not store.epochs(run_id):
            assert goes_on(pid)
            time.sleep(0.02)  # the first epoch is a fact in the database
        with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        known = list(store.epochs(run_id))
        await_end(pid)
        run = store.get(run_id)
        assert run.status in (Status.FAILED, Status.INTERRUPTED)
        assert str(folder) in str(run.reason)
        assert list(store.epochs(run_id))[: len(known)] == known
        assert run_id not in {found.id for found in checkpoints.scan().checkpoints}
        (folder / "ballast").unlink()
        before = last_state(store, run_id)
        store.resume(run_id)
        pid = start(run_id)
        while last_state(store, run_id) <= before:
            assert goes_on(pid)
            time.sleep(0.05)  # a later state is a file that is there
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await_end(pid)


def test_a_read_only_disk(start: Start, store: RunStore) -> None:
    run_id = store.create(RECIPE)
    folder = store.folder(run_id)
    with mounted(folder, "ro"):
        await_end(start(run_id))
        assert store.get(run_id).status is Status.FAILED
        assert str(folder) in str(store.get(run_id).reason)
    store.resume(run_id)
    await_end(start(run_id))
    assert store.get(run_id).status is Status.FINISHED
