"""Starting the processes that train: for the queued runs, and one that stands by for the next run.

They outlive whoever started them. A standby worker has imported all that is slow; so a run begins seconds earlier in
it, and an estimate takes a second. It is a convenience of one machine: where there is none, a run starts in a process
of its own. What such a process does stands in :mod:`cnnviz.training.worker.standby_worker`. Importing this imports no
torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import PROJECT_DIRECTORY, Settings, settings
from cnnviz.training.loop.estimating import Estimate
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import message_from_json

LOG_NAME = "worker.log"
STEP_BACK = 5  # steps of niceness: about a quarter of a busy processor, all of an idle one
CUT_SHORT = "cut short"  # in place of an answer
_NICEST = 19
_ANSWER_SECONDS = 120.0
# From when a run was given to a standby worker until the next one is started: beginning needs the processor.
_REST_SECONDS = 20.0


def command(*words: str) -> list[str]:
    """A command of this Python. -P: a module of the folder one happens to be in must not take the place of a
    real one.
    """
    return [sys.executable, "-P", *words]


def environment(chosen: Settings) -> dict[str, str]:
    """The environment in which a process finds the same code and the same settings."""
    paths = filter(None, (str(PROJECT_DIRECTORY), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **chosen.variables()}


def start_detached(
    words: Sequence[str], variables: Mapping[str, str], step_back: int, **streams: Any
) -> subprocess.Popen[bytes]:
    """Start a process that goes on when this one ends, ``step_back`` steps nicer than this one.

    Raises:
        OSError: it cannot be started.
    """
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        }
    process = subprocess.Popen(words, env=variables, **streams, **options)
    _be_nice(process.pid, step_back)
    return process


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


# -- the standby worker, as its parent sees it ------------------------------------------------------


class StandbyWorker:
    """A process that waits for the next run.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, configuration: Settings, step_back: int = STEP_BACK) -> None:
        self._process = start_detached(
            command("-m", "cnnviz.training.worker.standby_worker"),
            environment(configuration),
            step_back,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._asking = threading.Lock()

    @property
    def is_alive(self) -> bool:
        """Whether it still waits."""
        return self._process.poll() is None

    def run(self, run_id: str) -> subprocess.Popen[bytes] | None:
        """Let it carry out a run, its last; its process, or None where it has just ended."""
        taken = self._send({"run": run_id})
        # its answer to a question that the run cuts short may still be under way
        threading.Thread(target=self._close_pipes, daemon=True).start()
        return self._process if taken else None

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its answer; None where it gives none in time."""
        answer: list[bytes] = []
        with self._asking:
            if not self._send(request):
                return None
            reader = threading.Thread(target=lambda: answer.append(self._read_line()), daemon=True)
            reader.start()
            reader.join(_ANSWER_SECONDS)
        with contextlib.suppress(ValueError, IndexError):
            found: dict[str, Any] = json.loads(answer[0])
            return found
        return None

    def end(self) -> None:
        """Let it end, and wait for that."""
        self._close_pipes()
        self._process.wait()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not read any more by a process that has ended
                    pipe.close()

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _send(self, document: Mapping[str, Any]) -> bool:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(document).encode() + b"\n")
            self._process.stdin.flush()
        return self.is_alive


_kept: dict[Settings, StandbyWorker] = {}
_lock = threading.Lock()
_taken_at = -_REST_SECONDS
_successor: threading.Timer | None = None  # what starts the next process


def keep_standby(configuration: Settings | None = None) -> None:
    """See to it that a standby worker waits for the next run; returns at once. Whoever expects a run calls this, as
    the Train page does. ``CNNVIZ_SPARE_WORKERS=0`` switches it off.
    """
    chosen = configuration or settings()
    with _lock, contextlib.suppress(OSError):  # without one, runs begin a little later
        if (
            chosen.cluster is None
            and chosen.standby_workers
            and time.monotonic() - _taken_at >= _REST_SECONDS
        ):
            _living(chosen)


def run_in_standby(configuration: Settings, run_id: str) -> subprocess.Popen[bytes] | None:
    """Give a run to the standby worker: its process, or None where none waits. The next one starts a little later."""
    global _taken_at, _successor
    with _lock:
        standby = _kept.pop(configuration, None)
        if standby is None or not standby.is_alive:
            return None
        _taken_at = time.monotonic()
        _cancel_successor()
        _successor = threading.Timer(_REST_SECONDS, keep_standby, (configuration,))
        _successor.daemon = True
        _successor.start()
    return standby.run(run_id)


def ask(configuration: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a standby worker to a request; where none waits, one is started for it.

    A run that begins meanwhile cuts the work on the answer short; it is asked for again when the run has begun.

    Raises:
        CnnvizError: what went wrong there; or there is no answer.
    """
    try:
        with _lock:
            standby = (
                _living(configuration) if configuration.standby_workers else StandbyWorker(configuration)
            )
        answer = standby.ask(request)
        if not configuration.standby_workers:
            standby.end()
    except OSError as problem:
        raise CnnvizError(
            Message("Could not start a process: {problem}.", problem=problem.strerror or problem)
        ) from problem
    if answer is None:
        raise CnnvizError(Message("The measurement took too long; the machine may be overloaded."))
    if answer.get(CUT_SHORT):
        time.sleep(_REST_SECONDS)  # the run that began needs the processor until then
        return ask(configuration, request)
    error = message_from_json(answer.get("error"))
    if error is not None:
        raise CnnvizError(error)
    return answer


def end_standby() -> None:
    """Let all standby workers end."""
    with _lock:
        _cancel_successor()
        while _kept:
            _kept.popitem()[1].end()


def _cancel_successor() -> None:
    if _successor is not None:
        _successor.cancel()


def _living(configuration: Settings) -> StandbyWorker:
    standby = _kept.get(configuration)
    if standby is None or not standby.is_alive:
        standby = _kept[configuration] = StandbyWorker(configuration)
    return standby


def estimate(recipe: Recipe) -> Estimate:
    """Measure a few batches of random images in a process of its own, so that nobody else has to wait.

    Takes a second where a standby worker waits already (:func:`keep_standby`), and some more for the first one.
    Where the memory would not be enough nothing is measured, and the times are 0.

    Raises:
        UsageError: the recipe is not valid.
        CnnvizError: the measurement failed.
    """
    recipe.validate()
    return Estimate(**ask(settings(), {"estimate": recipe.to_dict()}))
