"""Which machine this is, and which of its processes are alive."""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def host() -> str:
    """A name for the set of processes among which a process id means something: the machine's name,
    its present boot and, for containers, the namespace of process ids.
    """
    parts = [socket.gethostname(), _boot(), _namespace()]
    return ":".join(part for part in parts if part)


def ticks() -> float | None:
    """Seconds by a clock that all processes of :func:`host` share and that stands still while the
    machine sleeps, so that a closed laptop does not make its own runs look abandoned; None where the
    system gives no such clock.
    """
    return time.monotonic() if _boot() else None


def process_is_dead(pid: int) -> bool:
    """Whether there is surely no process ``pid`` on this machine any more; a zombie counts as dead."""
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there; the lease has to do
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {"Z", "X"}


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115  the link leads to no file
    except OSError:
        return ""
