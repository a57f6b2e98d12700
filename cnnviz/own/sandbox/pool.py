"""Requests from many threads to one template process: a bounded number at a time, in the order in which they came."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnviz.own.sandbox.messages import ENDED, NEXT, PATIENCE, READY, REQUEST, UNFINISHED, framed, receive
from cnnviz.settings import PROJECT_DIRECTORY

SECONDS = 2.0
"""Of a processor that reading one network may take."""
MOST_ANSWER_BYTES = 32_000_000
WAIT_SECONDS = 60.0
"""For one's turn."""
START_SECONDS = 120.0
_GRACE_SECONDS = 3.0
"""Beyond its time, until a template that does not end a child is taken for broken."""
_END_SECONDS = 0.2
_TIDY_SECONDS = 1.0
_TEMPLATE = "cnnviz.own.sandbox.template"
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR")
"""Without these some installations of Python do not start."""
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class BusyError(Exception):
    """It was not one's turn for a long time."""


class UnavailableError(Exception):
    """There is no template; the words say why."""


class Turns:
    """Lets ``most`` threads in at a time, in the order in which they came."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """One's turn.

        Raises:
            BusyError: it does not come within so many ``seconds``.
        """
        self._enter(seconds)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, seconds: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if not mine.wait(seconds):
            with self._lock:
                if not mine.is_set():
                    self._waiting.remove(mine)
                    raise BusyError

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class Pool:
    """One template process, started when it is needed, and anew when it is gone.

    Each request may use so many ``seconds`` of a processor once it is its turn; ``at_once`` are read at the same time, by default
    as many as there are cores.
    """

    def __init__(
        self, template: str = _TEMPLATE, seconds: float = SECONDS, at_once: int | None = None
    ) -> None:
        self._template = template
        self.seconds = seconds
        self._turns = Turns(at_once or cores())
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._server: socket.socket | None = None

    def start(self) -> None:
        """Start the template in the background, unless it is there; whoever asks meanwhile waits for it."""
        if self._process is None:
            threading.Thread(target=self._start_quietly, daemon=True).start()

    def _start_quietly(self) -> None:
        with self._lock, contextlib.suppress(UnavailableError):  # the next request says so
            self._running()

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The kind and the bytes of the message that answers ``request``.

        Where the template ends before there is one, the request is made once more.

        Raises:
            BusyError: too many others ask.
            UnavailableError: the template does not start, or ended twice.
        """
        with self._turns.turn(WAIT_SECONDS):
            for _ in range(2):
                with contextlib.suppress(ConnectionError, TimeoutError):
                    return self._asked(request)
        raise UnavailableError("it ended")

    def _asked(self, request: bytes) -> tuple[bytes, bytes]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = self._hand_over(theirs)
            try:
                ours.settimeout(self.seconds)
                ours.sendall(framed(REQUEST, request))
                return receive(ours, MOST_ANSWER_BYTES, PATIENCE * self.seconds + _GRACE_SECONDS)
            except TimeoutError:
                self._drop(process)
                raise
            except ConnectionError:
                if _has_ended(process):
                    raise
                return ENDED, UNFINISHED

    def _hand_over(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        """Give the template a connection to answer on; the template."""
        with self._lock:
            for attempt in range(2):
                process, server = self._running()
                try:
                    socket.send_fds(server, [NEXT], [connection.fileno()])
                    return process
                except OSError:
                    self._end()
                    if attempt:
                        raise
        raise AssertionError

    def _running(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None or self._server is None:
            self._start()
        assert self._process is not None
        assert self._server is not None
        return self._process, self._server

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    **program(self._template, str(theirs.fileno()), str(self.seconds)),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._server = ours
            ours.settimeout(START_SECONDS)
            if ours.recv(1) != READY:
                raise ConnectionError("it ended")
            ours.settimeout(self.seconds)
        except OSError as error:
            self._end()
            raise UnavailableError(str(error)) from error

    def _drop(self, process: subprocess.Popen[bytes]) -> None:
        """End a template that is broken, if it is still the one that is asked."""
        with self._lock:
            if process is self._process:
                self._end()

    def close(self) -> None:
        """End the template, and with it its children; the next request starts another."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, server = self._process, self._server
        self._process = self._server = None
        if server is not None:
            server.close()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TIDY_SECONDS)  # it ends by itself, and removes its children's folders
            process.kill()
            process.wait()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a template has ended, or is about to, as one is whose connections are closed."""
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def program(module: str, *arguments: str) -> dict[str, Any]:
    """How ``subprocess`` starts a module of cnnviz: with what finds Python and this code, and nothing else."""
    paths = [str(PROJECT_DIRECTORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        "args": [sys.executable, "-P", "-m", module, *arguments],
        "env": {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(paths)},
        "cwd": PROJECT_DIRECTORY,
    }


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
