"""Who starts the worker of a run: this machine, or a cluster that somebody else keeps. And whose turn it is.

Importing this imports no torch.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.settings import RAY, Settings, settings
from cnnviz.storage.storage import SilentError
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.cluster import Cluster, UnreachableError
from cnnviz.training.worker.processes import (
    LOG_NAME,
    STEP_BACK,
    command,
    environment,
    run_in_standby,
    start_detached,
)


class Executor(Protocol):
    """What starts the workers of runs."""

    @property
    def cluster(self) -> str | None:
        """The cluster that is asked, as in ``CNNVIZ_EXECUTOR``; None: a machine starts its own."""

    def start(self, run: Run) -> int | None:
        """Start a worker for the run and return at once.

        Returns:
            the worker's process id where it is a process of this machine; so its death is noticed.

        Raises:
            OSError: it cannot be started.
            UnreachableError: the cluster does not answer.
        """

    def look_after(self, store: RunStore) -> None:
        """Notice what has become of the workers that were asked for and have not begun yet.

        Raises:
            UnreachableError: the cluster does not answer.
        """

    def cancel(self, run: Run) -> None:
        """See to it that a worker which has lost its run does not go on."""


class LocalExecutor:
    """Starts workers as processes of this machine that outlive whoever started them.

    They are ``step_back`` steps nicer than this process, so that pages stay quick while they train.
    """

    def __init__(self, configuration: Settings, step_back: int = STEP_BACK) -> None:
        self._settings = configuration
        self._step_back = step_back

    @property
    def cluster(self) -> None:
        """No cluster is asked."""

    def start(self, run: Run) -> int:
        """See :meth:`Executor.start`; what the worker prints goes to ``worker.log`` in the run's folder.

        A standby worker takes the run, where one is waiting.
        """
        process = run_in_standby(self._settings, run.id) or self._start(run.id)
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()
        return process.pid

    def look_after(self, store: RunStore) -> None:
        """Nothing is to be done: processes of this machine are seen."""

    def cancel(self, run: Run) -> None:
        """Nothing is to be done: a worker ends by itself when it has lost its run."""

    def _start(self, run_id: str) -> subprocess.Popen[bytes]:
        log = self._settings.runs_dir / run_id / LOG_NAME
        log.parent.mkdir(parents=True, exist_ok=True)
        words = command("-m", "cnnviz", "worker", run_id)
        with log.open("ab") as output:
            return start_detached(
                words,
                environment(self._settings),
                self._step_back,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Notice the worker's end: if it was killed, its run is marked, and the next one starts."""
        process.wait()
        # the store may be gone by now, or be locked; then the next process that looks does the same
        with contextlib.suppress(CnnvizError):
            dispatch(open_store(self._settings), self, self._settings.max_workers)


def dispatch(store: RunStore, executor: Executor, max_workers: int) -> Sequence[str]:
    """Notice the runs whose workers are gone, and start queued runs while fewer than ``max_workers`` are active: on this
    machine, or on the executor's cluster. Any process may call it at any time.

    Returns:
        the ids of the started runs.

    Raises:
        StoreError: the store cannot be read or written.
    """
    started: list[str] = []
    # Mostly there is nothing to do, and it is asked often.
    if not store.queue_moves(max_workers, executor.cluster):
        return started
    with contextlib.suppress(UnreachableError):  # it is asked again soon
        executor.look_after(store)
    lost = store.interrupt_lost()
    with contextlib.suppress(UnreachableError):  # the runs that wait for it say why
        for run in lost:
            executor.cancel(run)
        while (run_id := store.take_next(max_workers, executor.cluster)) is not None:
            if _start(store, executor, store.get(run_id)):
                started.append(run_id)
    return started


def _start(store: RunStore, executor: Executor, run: Run) -> bool:
    """Start a worker for a run whose turn it is; whether that was possible.

    Raises:
        UnreachableError: the cluster does not answer; the run keeps its turn.
    """
    try:
        pid = executor.start(run)
    except UnreachableError as problem:
        store.put_back(run.id, problem.message)
        raise
    except OSError as problem:
        reason = Message("Could not start a worker process: {problem}.", problem=problem.strerror or problem)
        store.fail_start(run.id, reason)
        return False
    if pid is not None:
        store.note_pid(run.id, pid)
    return True


def start_queued(configuration: Settings | None = None, step_back: int = STEP_BACK) -> Sequence[str]:
    """:func:`dispatch` with the executor and the settings in force; workers of this machine are ``step_back`` nicer."""
    chosen = configuration or settings()
    return dispatch(open_store(chosen), executor_of(chosen, step_back), chosen.max_workers)


def executor_of(chosen: Settings, step_back: int = STEP_BACK) -> Executor:
    """The executor that ``CNNVIZ_EXECUTOR`` names.

    Raises:
        UsageError: its package is missing, or the cluster could not reach the database.
    """
    return LocalExecutor(chosen, step_back) if chosen.cluster is None else _cluster(chosen)


@lru_cache(maxsize=4)
def _cluster(chosen: Settings) -> Cluster:
    if chosen.database_url.startswith("sqlite"):
        raise UsageError(
            Message(
                "CNNVIZ_EXECUTOR={executor} needs a database that every machine of the cluster can reach, and {url} is a "
                "file: set CNNVIZ_DATABASE_URL=postgresql+psycopg://...",
                executor=chosen.executor,
                url=chosen.database_url,
            )
        )
    if chosen.executor == RAY:
        from cnnviz.training.worker.ray_jobs import RayJobs

        return Cluster(chosen, RayJobs(chosen.ray_address))
    from cnnviz.training.worker.slurm_jobs import SlurmJobs

    return Cluster(chosen, SlurmJobs())


def resume_queue() -> Sequence[str]:
    """:func:`start_queued` at a server's start, which also removes what was deleted long ago; where there are no
    runs yet, no store is made for them.
    """
    chosen = settings()
    if chosen.database_url.startswith("sqlite") and not chosen.runs_dir.exists():
        return []
    store = open_store(chosen)
    store.storage.tidy()
    with contextlib.suppress(SilentError):  # the next server does it: runs need not wait for that
        store.purge()
    return start_queued(chosen)
