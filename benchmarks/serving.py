"""A separate cnnviz server for benchmarks, browser tests and screenshots."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running server: its ``url`` without a trailing slash, its process id and its log file."""

    url: str
    pid: int
    log: Path


@contextmanager
def serve(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    words: Sequence[str] = ("-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port"),
    directory: Path = ROOT,
    port: int | None = None,
    path: str = "",
) -> Iterator[Server]:
    """Serve cnnviz on a ``port``, by default a free one, under a ``path``, for the duration of the block; runs and log
    are written to ``folder``.

    ``words`` are Python's arguments in ``directory``; the port is added to them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port() if port is None else port
    log = folder / "server.log"
    variables = {
        **os.environ,
        "CNNVIZ_RUNS_DIR": str(folder / "runs"),
        "STREAMLIT_SERVER_BASE_URL_PATH": path,
        **(environment or {}),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words, str(port)],
            cwd=directory,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}{path}", process.pid, log)
        wait_until_healthy(server, process)
        yield server
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end, at the latest after ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers, whose ``process`` was started just now.

    Raises:
        RuntimeError: it does not; the log is told.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)  # the server gives no other sign that it is ready
    raise RuntimeError(f"The server did not start; its log:\n{server.log.read_text(encoding='utf-8')}")


def memory(pid: int) -> int | None:
    """Resident memory of a process in bytes; None where it cannot be determined (other than on Linux)."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def train_for_show(folder: Path, epochs: int, learning_rate: float) -> str:
    """Train ``basic-cnn`` on the sample for the Train page of a server in ``folder``; returns the run's id."""
    command = [sys.executable, "-m", "cnnviz", "train", "basic-cnn", "--dataset", "mnist-sample", "--json"]
    settings = ["--epochs", str(epochs), "--lr", str(learning_rate)]
    variables = {**os.environ, "CNNVIZ_RUNS_DIR": str(folder / "runs")}
    done = subprocess.run([*command, *settings], cwd=ROOT, env=variables, check=True, capture_output=True)
    return str(json.loads(done.stdout)["run_id"])
