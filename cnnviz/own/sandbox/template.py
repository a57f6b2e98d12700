"""The template process: it has imported everything, and forks a child for each request.

It looks at no request itself. The server hands it the end of a connection for each; the child reads the request from
there and answers. The template ends a child that takes too long, and tells the server why a child ended.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cnnviz.own.definition import Definition
from cnnviz.own.sandbox.confinement import confine, prepare
from cnnviz.own.sandbox.huge_pages import gather_memory
from cnnviz.own.sandbox.jobs import JOBS, Job, answer, request
from cnnviz.own.sandbox.messages import ENDED, PATIENCE, READY, TIME, framed, receive
from cnnviz.own.torchvision_models import MODELS

MOST_REQUEST_BYTES = 2_000_000
_REQUEST_SECONDS = 5.0
_SHORTEST_WAIT = 0.05
_QUIET_SECONDS = 3.0
"""Without a request, until the template does what makes later forks quicker."""
_CLOCK_OF_ALL_THREADS = 2
_CONNECTION = 3
_MOST_DESCRIPTORS = 4096
_CRASHES = {
    signal.SIGXCPU: TIME,
}

_TINY = """import torch.nn as nn
import torch.nn.functional as F
from torchvision.models import resnet18
from torchvision.models._utils import _make_divisible
from torchvision.ops.misc import Conv2dNormActivation, SqueezeExcitation

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(10, 10)

    def forward(self, x):
        x = F.dropout(self.features(x), training=self.training)
        return F.log_softmax(self.fc(x.view(x.size(0), -1)), dim=1)
"""
"""Its Linear does not fit, so that the search for a fix is warm, too; torchvision takes seconds to be imported."""

_SLIPS = (
    ("self.features(x)", "self.features(y)"),
    ("MaxPool2d(2)", "MaxPool2d(kernel=2)"),
    ("training=", "train="),
)
"""What is right in it, and wrong in texts that are read beforehand, too: the words of errors take long the first time."""


@dataclass
class _Child:
    pid: int
    connection: socket.socket
    folder: str | None
    begun: float
    deadline: float
    """When to look at it again."""


def main(jobs: Mapping[str, Job] = JOBS) -> None:
    """Run as a template: the arguments are the descriptor of the connection to the server, and seconds for a request."""
    descriptor, seconds = int(sys.argv[1]), float(sys.argv[2])
    with socket.socket(fileno=descriptor) as server:
        _warm_up(jobs)
        _Template(server, seconds, jobs).run()


def _warm_up(jobs: Mapping[str, Job]) -> None:
    """Import and use once what requests use, and lay aside what garbage collection need not look at in each child."""
    import torch

    torch.set_num_threads(1)
    prepare()
    for text in (_TINY, *(_TINY.replace(right, wrong) for right, wrong in _SLIPS)):
        answer(request("read", Definition(text), None, {}), jobs)
    os.environ.clear()
    gc.collect()
    gc.freeze()


class _Template:
    def __init__(self, server: socket.socket, seconds: float, jobs: Mapping[str, Job]) -> None:
        self._server = server
        self._seconds = seconds
        self._jobs = jobs
        self._children: dict[int, _Child] = {}
        self._settled = False
        self._woken, wake = socket.socketpair()
        self._woken.setblocking(False)
        wake.setblocking(False)
        self._wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the server: this process ends with it
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the server is gone."""
        self._server.sendall(READY)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        try:
            while self._serve():
                pass
        finally:
            for child in list(self._children.values()):
                _kill(child.pid)
                os.waitpid(child.pid, 0)
                _remove(child.folder)

    def _serve(self) -> bool:
        """Wait for what happens next, and act; False where the server is gone."""
        until = self._until_deadline()
        if until is None and not self._settled:
            until = _QUIET_SECONDS
        ready, _, _ = select.select([self._server, self._woken], [], [], until)
        if not ready and not self._children and not self._settled:
            self._settled = True
            MODELS.entries.get("")  # a child has hardly the time to import torchvision
            gather_memory()
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        self._reap()
        self._end_overdue()
        if self._server not in ready:
            return True
        try:
            data, descriptors, _, _ = socket.recv_fds(self._server, 1, 1)
        except ConnectionError:
            return False
        for descriptor in descriptors:
            self._fork(socket.socket(fileno=descriptor))
        return bool(data)

    def _end_overdue(self) -> None:
        """End the children that took their time; one that waited for a processor gets what it lacks of it."""
        now = time.monotonic()
        for child in self._children.values():
            if child.deadline <= now:
                missing = self._seconds - _processor_seconds(child.pid)
                if missing > 0 and now - child.begun < PATIENCE * self._seconds:
                    child.deadline = now + max(missing, _SHORTEST_WAIT)
                    continue
                _tell(child.connection, TIME)
                _kill(child.pid)
                child.deadline = float("inf")

    def _until_deadline(self) -> float | None:
        first = min((child.deadline for child in self._children.values()), default=float("inf"))
        return None if first == float("inf") else max(first - time.monotonic(), 0.0)

    def _fork(self, connection: socket.socket) -> None:
        folder = _new_folder()
        try:
            pid = os.fork()
        except OSError as error:
            _tell(connection, type(error).__name__.encode())
            connection.close()
            _remove(folder)
            return
        if not pid:
            try:
                _serve_one(connection, folder, self._seconds, self._jobs)
            finally:
                os._exit(0)
        now = time.monotonic()
        self._children[pid] = _Child(pid, connection, folder, now, now + self._seconds)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                _tell(child.connection, _reason(status))
                child.connection.close()
                _remove(child.folder)


def _serve_one(
    connection: socket.socket, folder: str | None, seconds: float, jobs: Mapping[str, Job]
) -> None:
    """Answer one request in a process of its own, which has nothing but ``connection``."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(connection.fileno(), _CONNECTION)
    os.closerange(_CONNECTION + 1, _MOST_DESCRIPTORS)
    only = socket.socket(fileno=_CONNECTION)
    os.chdir(folder or "/")
    confine(seconds)
    _, data = receive(only, MOST_REQUEST_BYTES, _REQUEST_SECONDS)
    only.settimeout(None)
    gc.disable()  # it ends in a moment
    only.sendall(answer(data, jobs))


def _processor_seconds(pid: int) -> float:
    """What a process has used of a processor; without end where the system does not tell."""
    if sys.platform != "linux":
        return float("inf")
    try:
        return time.clock_gettime((~pid << 3) | _CLOCK_OF_ALL_THREADS)
    except OSError:
        return float("inf")


def _reason(status: int) -> bytes:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(ValueError):
            number = signal.Signals(-code)
            return _CRASHES.get(number, number.name.encode())
    return b"exit " + str(code).encode()


def _tell(connection: socket.socket, reason: bytes) -> None:
    """Say why there is no answer; whoever has one already does not listen any more."""
    with contextlib.suppress(OSError):
        connection.send(framed(ENDED, reason), socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0))


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _new_folder() -> str | None:
    try:
        return tempfile.mkdtemp(prefix="cnnviz-")
    except OSError:
        return None


def _remove(folder: str | None) -> None:
    if folder is not None and Path(folder).is_dir():
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
