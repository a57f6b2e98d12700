"""The further processes of a training by several: how they are started, watched, and ended.

The process that holds the run leads, and starts the others on its own machine. Each hangs on a pipe from the leader, and
ends as soon as that one has closed it, or has died. Importing this imports no torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.parallel.part import Part
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import message_from_json
from cnnviz.training.worker.processes import command, environment

if TYPE_CHECKING:
    from cnnviz.training.parallel.group import Group
    from cnnviz.training.records.snapshots import State

READY = b"ready\n"
"""What a helper says when it has all that it needs."""

_LOOK_SECONDS = 0.1
_LEAVE_SECONDS = 5.0
_CONNECTION = ("gloo", "nccl", "wait timeout", "process group")  # one of these is in an error of connections

_pids: set[int] = set()


class HelperLostError(CnnvizError):
    """One of the processes that train together has ended."""


def pids() -> set[int]:
    """The processes that this one has started to train with it."""
    return set(_pids)


@contextlib.contextmanager
def together(
    recipe: Recipe, digest: str, start: State | None, must_stop: Callable[[], bool] = lambda: False
) -> Iterator[Group | None]:
    """The group of processes that train by ``recipe`` from ``start`` on while the block lasts, which this one leads; None
    where it trains alone.

    Args:
        recipe: a valid one.
        digest: that of the data set, which each process loads for itself.
        start: as :func:`cnnviz.training.loop.loop.train` takes it.
        must_stop: whether training should end now: once it should, a step or a test pass that hangs is broken off.

    Raises:
        UsageError: it asks for more GPUs than there are.
        HelperLostError: one of the others ended before its time.
        CnnvizError: one of the others failed, and said why.
    """
    if recipe.workers == 1:
        yield None
        return
    from cnnviz.training.loop.loop import check_devices, device_of

    recipe = dataclasses.replace(recipe, device=device_of(recipe.device).type)
    check_devices(recipe)
    helpers = Helpers(recipe, digest, b"" if start is None else start.to_bytes(), must_stop)
    try:
        yield helpers.met()
    except (RuntimeError, ValueError) as error:
        if not is_of_the_connection(error):
            raise
        raise helpers.why_lost() from error
    finally:
        helpers.end()


def is_of_the_connection(error: Exception) -> bool:
    """Whether it says that another process cannot be reached any more."""
    return isinstance(error, (RuntimeError, ValueError)) and any(
        name in str(error).lower() for name in _CONNECTION
    )


class Helpers:
    """Starts the processes beside this one that ``recipe`` wants; ``state`` is where they resume, as bytes. What
    hangs is broken off when ``must_stop``.

    Raises:
        CnnvizError: they cannot be started.
    """

    def __init__(self, recipe: Recipe, digest: str, state: bytes, must_stop: Callable[[], bool]) -> None:
        self._recipe, self._must_stop = recipe, must_stop
        self._group: Group | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="cnnviz-training-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._said: dict[int, bytes] = {}
        self._lost: int | None = None
        self._something = threading.Event()  # somebody is lost, or all is over
        self._watching = threading.Thread(target=self._watch, name="cnnviz-helpers", daemon=True)
        try:
            for number in range(1, recipe.workers):
                self._start(number)
            for number, process in enumerate(self._processes, start=1):
                self._tell(process, number, digest, state)
        except OSError as problem:
            self.end()
            raise CnnvizError(
                Message("Could not start a process: {problem}.", problem=problem.strerror or problem)
            ) from problem
        self._watching.start()

    def met(self) -> Group:
        """Wait until all are ready, and form the group.

        Raises:
            CnnvizError: one has ended instead.
        """
        for at, process in enumerate(self._processes):
            assert process.stdout is not None
            said = process.stdout.readline()
            if said != READY:
                self._said[at] = said
                raise self.why_lost()
        from cnnviz.training.parallel.group import meet

        self._group = meet(self._folder, Part(0, self._recipe.workers), self._recipe.device)
        self._group.is_lost = self._something.is_set()  # somebody may have ended just now
        return self._group

    def why_lost(self) -> CnnvizError:
        """Why a process is not there any more; waits a moment for its end to be seen."""
        self._something.wait(_LEAVE_SECONDS)
        if self._lost is None:
            return HelperLostError(
                Message(
                    "The connection between the {count} processes that train this network broke. The measurements up to "
                    "then are kept.",
                    count=self._recipe.workers,
                )
            )
        process = self._processes[self._lost]
        facts: dict[str, Any] = {"number": self._lost + 2, "count": self._recipe.workers}
        failure = _failure(process, self._said.get(self._lost, b""))
        if failure is not None:
            return CnnvizError(Message("Process {number} of {count} failed: {error}", error=failure, **facts))
        return HelperLostError(
            Message(
                "Process {number} of the {count} that train this network ended unexpectedly ({how}): it was killed, ran "
                "out of memory, or crashed. The measurements up to then are kept.",
                how=_how_it_ended(process.returncode),
                **facts,
            )
        )

    def end(self) -> None:
        """End all processes, and wait for that."""
        self._something.set()
        for process in self._processes:
            _close(process.stdin)
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LEAVE_SECONDS)
            process.kill()
            process.wait()
            _close(process.stdout)
            _pids.discard(process.pid)
        if self._watching.is_alive():
            self._watching.join()
        _part_company()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, number: int) -> None:
        process = subprocess.Popen(
            command("-m", "cnnviz.training.worker.helper"),
            env=environment(settings()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Control-C is for the leader, also before the others know how to ignore it
        )
        self._processes.append(process)
        _pids.add(process.pid)

    def _tell(self, process: subprocess.Popen[bytes], number: int, digest: str, state: bytes) -> None:
        request = {
            "recipe": self._recipe.to_dict(),
            "number": number,
            "folder": str(self._folder),
            "digest": digest,
            "state_bytes": len(state),
        }
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # whoever is lost at once is missed later, with the reason
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.write(state)
            process.stdin.flush()

    def _watch(self) -> None:
        """See to it that all end with the first one that does, so that nobody waits for the lost, and with what hangs
        where nobody wants it any more.
        """
        while not self._something.wait(_LOOK_SECONDS):
            ended = [at for at, process in enumerate(self._processes) if process.poll() is not None]
            if not ended and not (self._group and self._group.hangs and self._must_stop()):
                continue
            self._lost = ended[0] if ended else None
            if self._group is not None:
                self._group.is_lost = True
            for process in self._processes:
                process.kill()
            if self._recipe.device == "cuda":
                from cnnviz.training.parallel.group import break_off

                break_off()
            self._something.set()


def _part_company() -> None:
    from cnnviz.training.parallel.group import part_company

    part_company()


def _close(pipe: IO[bytes] | None) -> None:
    assert pipe is not None
    with contextlib.suppress(OSError):  # what was not read any more by a process that has ended
        pipe.close()


def _failure(process: subprocess.Popen[bytes], said: bytes) -> Message | None:
    """Why a process failed that has ended, in its own words, of which ``said`` has been read."""
    assert process.stdout is not None
    with contextlib.suppress(ValueError):
        return message_from_json(json.loads(said + process.stdout.read() or b"null"))
    return None


def _how_it_ended(status: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return str(status)
