"""A Ray cluster of real processes on this machine: a head without cores, and nodes that can be killed.

Needs ``requirements-cluster.txt``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.serving import free_port

_RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
_START_SECONDS = 120.0


class RayCluster:
    """Its dashboard is at :attr:`address`; nodes have ``cores`` each, as Ray counts them, whatever the machine has, and step back by their
    ``niceness``.
    """

    def __init__(self, nodes: int, cores: int = 1, niceness: int = 0) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: Ray's sockets are in it
        self._port, self._dashboard = free_port(), free_port()
        self._cores, self._niceness = cores, niceness
        self.address = f"http://127.0.0.1:{self._dashboard}"
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.start_head()
        for _ in range(nodes):
            self.add_node()

    def start_head(self) -> None:
        """Start a head, on the ports of the last one; it knows nothing of the jobs of that."""
        words = ["--head", f"--port={self._port}", f"--dashboard-port={self._dashboard}", "--num-cpus=0"]
        self._head = self._start([*words, f"--temp-dir={self._folder}"])
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("the head of the Ray cluster does not answer")
            time.sleep(0.2)

    def kill_head(self) -> None:
        """Kill the head with all that belongs to it."""
        kill_tree(self._head)

    def add_node(self) -> None:
        """Add a node."""
        words = [f"--address=127.0.0.1:{self._port}", f"--num-cpus={self._cores}"]
        self.nodes.append(self._start(words, self._niceness))

    def kill_node(self, index: int) -> None:
        """Kill a node with its jobs."""
        kill_tree(self.nodes.pop(index))

    def close(self) -> None:
        """End it all."""
        for process in (self._head, *self.nodes):
            kill_tree(process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, words: list[str], niceness: int = 0) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "RAY_DISABLE_IMPORT_WARNING": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        memory = ["--object-store-memory=100000000", f"--memory={8 * 10**9}"]
        agent = f"--dashboard-agent-listen-port={free_port()}"  # by default the same on all nodes
        command = ["nice", "-n", str(niceness), *_RAY, "start", *words, *memory, agent, "--block"]
        before = self._started()
        with (self._folder / "start.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while self._started() == before:  # two that start at once would choose the same names of sockets
            if time.monotonic() > deadline:
                raise TimeoutError("a part of the Ray cluster does not start")
            time.sleep(0.1)
        return process

    def _started(self) -> int:
        """How many heads and nodes have said that they are running."""
        log = self._folder / "start.log"
        return log.read_bytes().count(b"Ray runtime started") if log.exists() else 0

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/api/version", timeout=2):
            return True
        return False


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything that it, or what it started, has started."""
    found = [process.pid]
    children = _children()
    for pid in found:  # it grows on the way
        found.extend(children.get(pid, ()))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for pid, parent in processes():
        children.setdefault(parent, []).append(pid)
    return children


def processes() -> Iterator[tuple[int, int]]:
    """All processes, each with its parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), int(after_name[1])
