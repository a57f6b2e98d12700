"""A process that has imported everything and forks a worker for each run whose id it reads: a start costs nothing.

``python -m tests.faults.forking`` answers each line of JSON, the id of a run, the environment of its worker and how many
megabytes of memory that may take (0: any), with the worker's process id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cnnviz.settings import PROJECT_DIRECTORY


class Forking:
    """The process, as its parent sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, run_id: str, variables: Mapping[str, str], megabytes: int = 0) -> int:
        """Start a worker for a run; its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"run": run_id, "variables": dict(variables), "megabytes": megabytes}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def forking() -> Iterator[Forking]:
    """The process, while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forking"],
        cwd=PROJECT_DIRECTORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        with process:  # which closes the pipes
            yield Forking(process)
            process.kill()
    finally:
        process.kill()


def main() -> None:
    """Fork a worker for each line of standard input."""
    import resource

    import torch  # noqa: F401 - so that the workers need not

    from cnnviz.training.loop import loop  # noqa: F401
    from cnnviz.training.worker import worker

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended workers leave nothing behind
    for line in sys.stdin:
        asked = json.loads(line)
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.environ.update(asked["variables"])
            if asked["megabytes"]:
                taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
                most = taken + asked["megabytes"] * 1_000_000
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
            os._exit(worker.main(asked["run"]))
        print(child, flush=True)


if __name__ == "__main__":
    main()
