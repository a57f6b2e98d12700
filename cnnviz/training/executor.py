"""Starting the worker processes of the queued runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import PROJECT_DIRECTORY, Settings, settings
from cnnviz.training.store import RunStore, open_store

LOG_NAME = "worker.log"
_STEP_BACK = 5  # steps of niceness: about a quarter of a busy processor, all of an idle one
_NICEST = 19


class Executor(Protocol):
    """Whatever can start the worker of a run: this machine, or a cluster's queue one day."""

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

    def __init__(self, configuration: Settings, step_back: int = _STEP_BACK) -> None:
        self._settings = configuration
        self._step_back = step_back

    def start(self, run_id: str) -> int:
        """See :meth:`Executor.start`; what the worker prints goes to ``worker.log`` in the run's folder."""
        log = self._settings.runs_dir / run_id / LOG_NAME
        log.parent.mkdir(parents=True, exist_ok=True)
        # -P: a module of the folder one happens to be in must not take the place of a real one
        command = [sys.executable, "-P", "-m", "cnnviz", "worker", run_id]
        with log.open("ab") as output:
            process = _start_detached(command, output, self._environment())
        _be_nice(process.pid, self._step_back)
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()
        return process.pid

    def _environment(self) -> dict[str, str]:
        """The environment in which a worker finds the same code and the same settings."""
        chosen = self._settings
        paths = [str(PROJECT_DIRECTORY), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "CNNVIZ_RUNS_DIR": str(chosen.runs_dir),
            "CNNVIZ_DATABASE_URL": chosen.database_url,
            "CNNVIZ_DATA_DIR": str(chosen.data_dir),
            "CNNVIZ_CHECKPOINTS_DIR": str(chosen.checkpoints_dir),
            "CNNVIZ_MAX_WORKERS": str(chosen.max_workers),
            "CNNVIZ_THREADS": str(chosen.threads),
            "CNNVIZ_LEASE_SECONDS": str(chosen.lease_seconds),
            "CNNVIZ_PAUSE_SECONDS": str(chosen.pause_seconds),
            "CNNVIZ_SNAPSHOT_MB": str(chosen.snapshot_mb),
        }

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Take note of the worker's end; if it was killed, its run and the queue wait for somebody."""
        process.wait()
        # the store may be gone by now, or be locked; then whoever looks next does the same
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
                "No worker process could be started: {problem}.", problem=problem.strerror or problem
            )
            store.fail_start(run_id, reason)
            continue
        if pid is not None:
            store.note_pid(run_id, pid)
        started.append(run_id)
    return started


def start_queued(configuration: Settings | None = None, step_back: int = _STEP_BACK) -> Sequence[str]:
    """:func:`dispatch` with workers on this machine, and the settings in force."""
    chosen = configuration or settings()
    return dispatch(open_store(chosen), LocalExecutor(chosen, step_back), chosen.max_workers)


def resume_queue() -> Sequence[str]:
    """:func:`start_queued` at a server's start: where there are no runs yet, no store is made for them."""
    chosen = settings()
    if chosen.database_url.startswith("sqlite") and not chosen.runs_dir.exists():
        return []
    return start_queued(chosen)


def _start_detached(
    command: Sequence[str], output: IO[bytes], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        }
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, **options
    )


def _be_nice(pid: int, step_back: int) -> None:
    """Make the process ``pid`` ``step_back`` steps nicer than this one, as far as there are steps."""
    if sys.platform == "win32":
        return
    niceness = min(_NICEST, os.getpriority(os.PRIO_PROCESS, 0) + step_back)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    # Linux may share the processor out by session first; a session of its own then needs its own niceness
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
