"""Ending a worker that takes more memory than one run may have, with the reason in its run."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from cnnviz.training.worker.together import pids

LOOK_SECONDS = 0.1
"""A network may take a gigabyte more within a second."""


class MemoryGuard:
    """While the ``with`` block lasts, looks how much memory this process takes, with those that it has started to train
    with it; where it is more than ``most`` bytes, calls ``give_up``, once, with that number, from another thread.
    ``most`` None, or a system that tells nothing: no limit.
    """

    def __init__(
        self,
        most: int | None,
        give_up: Callable[[int], None],
        resident: Callable[[], int | None] | None = None,
    ) -> None:
        self._most, self._give_up = most, give_up
        self._resident = resident or resident_bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cnnviz-memory", daemon=True)

    def __enter__(self) -> None:
        if self._most is not None:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _watch(self) -> None:
        while True:
            taken = self._resident()
            if taken is None:
                return
            if self._most is not None and taken > self._most:
                self._give_up(taken)
                return
            if self._over.wait(LOOK_SECONDS):
                return


def resident_bytes() -> int | None:
    """The bytes of memory that this process takes, with those that it has started to train with it; or has taken at most
    by itself, where the system tells only that.
    """
    try:
        return _resident("self") + sum(map(_resident_or_none, pids()))
    except (OSError, ValueError, AttributeError):
        return _peak_bytes()


def _resident_or_none(pid: int) -> int:
    try:
        return _resident(str(pid))
    except (OSError, IndexError):  # it has just ended
        return 0


def _resident(process: str) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak_bytes() -> int | None:
    if platform.system() != "Darwin":  # where it is in bytes
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
