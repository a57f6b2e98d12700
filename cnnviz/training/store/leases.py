"""Who works on a run, on which machine, and whether they still do."""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnviz.language import Message
from cnnviz.training.store.runs import Run


def lease(seconds: float) -> dict[str, Any]:
    """The columns of a lease that lasts ``seconds`` from now."""
    now = ticks()
    return {"lease_until": time.time() + seconds, "lease_ticks": None if now is None else now + seconds}


def this_process() -> dict[str, Any]:
    """The columns that name this process as the one that works on a run."""
    return {"host": host(), "pid": os.getpid()}


def why_gone(run: Run) -> Message | None:
    """Why nobody works on this active run any more; None while somebody does."""
    if run.host == host() and run.pid is not None and process_is_dead(run.pid):
        if run.worker is None:
            return Message(
                "The worker process ended before training began; see {log} for the reason.", log=_log(run)
            )
        return Message(
            "The worker process ended unexpectedly: it was killed, ran out of memory, or crashed (see "
            "{log}). The measurements up to then are kept.",
            log=_log(run),
        )
    if not _has_run_out(run):
        return None
    if run.worker is None:
        return Message("The worker process did not start in time; see {log} for the reason.", log=_log(run))
    return Message(
        "The worker has not responded for too long: its machine may be off, asleep or overloaded. The "
        "measurements up to then are kept."
    )


def _has_run_out(run: Run) -> bool:
    now = ticks()
    if run.host == host() and now is not None and run.lease_ticks is not None:
        return run.lease_ticks < now
    return run.lease_until is None or run.lease_until < time.time()


def _log(run: Run) -> str:
    return f"{run.id}/worker.log"


# -- the machine and its processes ------------------------------------------------------------------


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
    """Whether the process ``pid`` of this machine is certainly gone; a zombie counts as dead."""
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
