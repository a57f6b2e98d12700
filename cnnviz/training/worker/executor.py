"""Starting the worker processes of the queued runs."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Sequence
from typing import Protocol

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.processes import (
    LOG_NAME,
    STEP_BACK,
    command,
    environment,
    run_in_standby,
    start_detached,
)


class Executor(Protocol):
    """What starts the worker of a run: this machine, or some day a cluster's queue."""

    def start(self, run_id: str) -> int | None:
        """Start a worker for the run and return at once.

        Returns:
            the worker's process id where it is a process of this machine; so its death is noticed.

        Raises:
            OSError: it cannot be started.
        """


class LocalExecutor:
    """Starts workers as processes of this machine that outlive whoever started them.

    They are ``step_back`` steps nicer than this process, so that pages stay quick while they train.
    """

    def __init__(self, configuration: Settings, step_back: int = STEP_BACK) -> None:
        self._settings = configuration
        self._step_back = step_back

    def start(self, run_id: str) -> int:
        """See :meth:`Executor.start`; what the worker prints goes to ``worker.log`` in the run's folder.

        A standby worker takes the run, where one is waiting.
        """
        process = run_in_standby(self._settings, run_id) or self._start(run_id)
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()
        return process.pid

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
    """Mark the runs of dead workers as interrupted, and start queued runs while fewer than
    ``max_workers`` are active on this machine. Any process may call it at any time.

    Returns:
        the ids of the started runs.

    Raises:
        StoreError: the store cannot be read or written.
    """
    store.reap()
    started = []
    while (run_id := store.take_next(max_workers)) is not None:
        try:
            pid = executor.start(run_id)
        except OSError as problem:
            reason = Message(
                "Could not start a worker process: {problem}.", problem=problem.strerror or problem
            )
            store.fail_start(run_id, reason)
            continue
        if pid is not None:
            store.note_pid(run_id, pid)
        started.append(run_id)
    return started


def start_queued(configuration: Settings | None = None, step_back: int = STEP_BACK) -> Sequence[str]:
    """:func:`dispatch` with workers on this machine, and the settings in force."""
    chosen = configuration or settings()
    return dispatch(open_store(chosen), LocalExecutor(chosen, step_back), chosen.max_workers)


def resume_queue() -> Sequence[str]:
    """:func:`start_queued` at a server's start, which also removes what was deleted long ago; where there are no
    runs yet, no store is made for them.
    """
    chosen = settings()
    if chosen.database_url.startswith("sqlite") and not chosen.runs_dir.exists():
        return []
    open_store(chosen).purge()
    return start_queued(chosen)
