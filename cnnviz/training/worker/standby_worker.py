"""A process that has imported all that is slow, and waits for work: a run begins seconds earlier in it.

It is a convenience of one machine: where there is none, a run starts in a process of its own. It reads one
JSON document a line from its standard input: ``{"run": ID}``, which it carries out as
``python -m cnnviz worker ID`` does, and then ends; or ``{"estimate": RECIPE}``, which it answers with a line.
It ends when its parent does, or when nobody has wanted anything of it for a while. Importing this imports no
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
from collections.abc import Callable, Mapping
from dataclasses import asdict
from queue import Queue
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training.store.runs import message_from_json, message_to_json
from cnnviz.training.worker.processes import LOG_NAME, command, environment, start_detached

STEP_BACK = 5  # steps of niceness: about a quarter of a busy processor, all of an idle one
IDLE_SECONDS = 900.0
_REST_SECONDS = (
    20.0  # after a run was given to it, until another one is started: beginning needs the processor
)
_ANSWER_SECONDS = 120.0
_CUT_SHORT = "cut short"  # in place of an answer


class Spare:
    """The process, as its parent sees it.

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


_kept: dict[Settings, Spare] = {}
_lock = threading.Lock()
_taken_at = -_REST_SECONDS
_successor: threading.Timer | None = None  # what starts the next process


def keep_spare(configuration: Settings | None = None) -> None:
    """See to it that a process waits for the next run; returns at once. Whoever expects a run calls this, as
    the Train page does. ``CNNVIZ_SPARE_WORKERS=0`` switches it off.
    """
    chosen = configuration or settings()
    with _lock, contextlib.suppress(OSError):  # without one, runs begin a little later
        if chosen.spare_workers and time.monotonic() - _taken_at >= _REST_SECONDS:
            _living(chosen)


def run_in_spare(configuration: Settings, run_id: str) -> subprocess.Popen[bytes] | None:
    """Give a run to the process that waits; it, or None where none does. Another one waits a little later."""
    global _taken_at, _successor
    with _lock:
        spare = _kept.pop(configuration, None)
        if spare is None or not spare.is_alive:
            return None
        _taken_at = time.monotonic()
        _cancel_successor()
        _successor = threading.Timer(_REST_SECONDS, keep_spare, (configuration,))
        _successor.daemon = True
        _successor.start()
    return spare.run(run_id)


def ask(configuration: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a waiting process to a request; where none waits, one is started for it.

    A run that begins meanwhile cuts the work on the answer short; it is asked for again when the run has begun.

    Raises:
        CnnvizError: what went wrong there; or there is no answer.
    """
    try:
        with _lock:
            spare = _living(configuration) if configuration.spare_workers else Spare(configuration)
        answer = spare.ask(request)
        if not configuration.spare_workers:
            spare.end()
    except OSError as problem:
        raise CnnvizError(
            Message("No process could be started: {problem}.", problem=problem.strerror or problem)
        ) from problem
    if answer is None:
        raise CnnvizError(Message("The measurement took too long; the machine may be overloaded."))
    if answer.get(_CUT_SHORT):
        time.sleep(_REST_SECONDS)  # the run that began needs the processor until then
        return ask(configuration, request)
    error = message_from_json(answer.get("error"))
    if error is not None:
        raise CnnvizError(error)
    return answer


def end_spares() -> None:
    """Let all waiting processes end."""
    with _lock:
        _cancel_successor()
        while _kept:
            _kept.popitem()[1].end()


def _cancel_successor() -> None:
    if _successor is not None:
        _successor.cancel()


def _living(configuration: Settings) -> Spare:
    spare = _kept.get(configuration)
    if spare is None or not spare.is_alive:
        spare = _kept[configuration] = Spare(configuration)
    return spare


# -- in the process itself ----------------------------------------------------------------------------


def main() -> int:
    """Wait for work on standard input; returns the exit status."""
    from cnnviz.training.worker import worker

    leaving = _leave_later()
    worker.wait_without_spinning()
    _import_what_is_slow()
    requests = _incoming()
    while (request := requests.get()) is not None:
        leaving.cancel()
        if "run" in request:
            _write_into_log(request["run"])
            return worker.main(request["run"])
        answer = _answer(request, lambda: not requests.empty())
        print(json.dumps(answer), flush=True)
        leaving = _leave_later()
    return 0


def _incoming() -> Queue[dict[str, Any] | None]:
    """What comes in, None at its end; whoever is at work sees that somebody waits."""
    requests: Queue[dict[str, Any] | None] = Queue()

    def read() -> None:
        """Put in what comes, up to the run, after which nothing is asked any more."""
        for line in sys.stdin:
            requests.put(request := json.loads(line))
            if "run" in request:
                return
        requests.put(None)

    threading.Thread(target=read, daemon=True).start()
    return requests


def _leave_later() -> threading.Timer:
    timer = threading.Timer(IDLE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


def _import_what_is_slow() -> None:
    from cnnviz import datasets
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.loop import estimating, loop, measuring, memory
    from cnnviz.training.records import events
    from cnnviz.training.store import store

    del datasets, checkpoints, estimating, loop, measuring, memory
    store.open_store()
    events.prepare()


def _write_into_log(run_id: str) -> None:
    """From here on what is printed goes into the run's log, and nothing is read any more."""
    log = settings().runs_dir / run_id / LOG_NAME
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    with log.open("ab") as output, open(os.devnull, "rb") as nothing:  # noqa: PTH123  no path, a device
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        os.dup2(nothing.fileno(), 0)


def _answer(request: Mapping[str, Any], somebody_waits: Callable[[], bool]) -> dict[str, Any]:
    from cnnviz.training.loop.estimating import CutShortError, measure
    from cnnviz.training.recipe.recipe import Recipe

    try:
        return asdict(measure(Recipe.from_dict(request["estimate"]), somebody_waits))
    except CutShortError:
        return {_CUT_SHORT: True}
    except CnnvizError as error:
        return {"error": message_to_json(error.message)}
    except Exception as error:  # of PyTorch: too little memory, say
        reason = Message("This training could not be tried out: {error}.", error=str(error).splitlines()[0])
        return {"error": message_to_json(reason)}


if __name__ == "__main__":
    sys.exit(main())
