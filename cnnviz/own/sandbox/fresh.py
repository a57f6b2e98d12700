"""Where processes cannot be forked, as on Windows: a new process of Python for each request, which takes seconds.

It reads the request from its standard input and writes the answer to its standard output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnviz.own.sandbox.messages import ENDED, TIME, UNFINISHED, framed, unframed
from cnnviz.own.sandbox.pool import (
    SECONDS,
    START_SECONDS,
    WAIT_SECONDS,
    Turns,
    UnavailableError,
    cores,
    program,
)

if TYPE_CHECKING:
    from cnnviz.own.sandbox.jobs import Job

FRESH = "fresh"


class FreshProcesses:
    """A process for each request, as many ``at_once`` as there are cores by default; see :class:`Pool`."""

    def __init__(self, module: str = __name__, seconds: float = SECONDS, at_once: int | None = None) -> None:
        self._module = module
        self.seconds = seconds
        self._turns = Turns(at_once or cores())

    def start(self) -> None:
        """There is nothing to start."""

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The kind and the bytes of the message that answers ``request``.

        Raises:
            BusyError: too many others ask.
            UnavailableError: the process does not start.
        """
        with self._turns.turn(WAIT_SECONDS):
            try:
                done = subprocess.run(
                    **program(self._module, FRESH, str(self.seconds)),
                    input=request,
                    stdout=subprocess.PIPE,
                    timeout=START_SECONDS,
                )
            except subprocess.TimeoutExpired:
                return ENDED, TIME
            except OSError as error:
                raise UnavailableError(str(error)) from error
        return unframed(done.stdout) or (ENDED, UNFINISHED)

    def close(self) -> None:
        """There is nothing to end."""


def main(jobs: Mapping[str, Job] | None = None) -> None:
    """Run as such a process; the last argument is how many seconds the job may take."""
    from cnnviz.own.sandbox.confinement import confine
    from cnnviz.own.sandbox.jobs import JOBS, answer

    seconds = float(sys.argv[-1])
    request = sys.stdin.buffer.read()
    os.environ.clear()
    watch = threading.Timer(seconds, _end)
    watch.daemon = True
    watch.start()
    confine(seconds)
    _say(answer(request, JOBS if jobs is None else jobs))


def _end() -> None:
    _say(framed(ENDED, TIME))


def _say(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
