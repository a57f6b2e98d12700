"""Who works on a run, and whether they still do: the columns of a run that say so."""

from __future__ import annotations

import os
import time
from typing import Any

from cnnviz.language import Message
from cnnviz.training.store.runs import Run
from cnnviz.training.worker.host import host, process_is_dead, ticks


def lease(seconds: float) -> dict[str, Any]:
    """The columns of a lease that lasts ``seconds`` from now."""
    now = ticks()
    return {"lease_until": time.time() + seconds, "lease_ticks": None if now is None else now + seconds}


def this_process() -> dict[str, Any]:
    """The columns that name this process as the one that works on a run."""
    return {"host": host(), "pid": os.getpid()}


def why_gone(run: Run) -> Message | None:
    """The reason why nobody works on this active run any more; None while somebody does."""
    if run.host == host() and run.pid is not None and process_is_dead(run.pid):
        if run.worker is None:
            return Message("The worker process ended before it could begin; {log} says why.", log=_log(run))
        return Message(
            "The worker process ended without a word: it was killed, or the memory was full, or it crashed "
            "({log} may say more). What was measured until then is kept.",
            log=_log(run),
        )
    if not _has_run_out(run):
        return None
    if run.worker is None:
        return Message("The worker process did not begin in time; {log} may say why.", log=_log(run))
    return Message(
        "The worker was not heard of for too long: its machine may be off, asleep or overloaded. "
        "What was measured until then is kept."
    )


def _has_run_out(run: Run) -> bool:
    now = ticks()
    if run.host == host() and now is not None and run.lease_ticks is not None:
        return run.lease_ticks < now
    return run.lease_until is None or run.lease_until < time.time()


def _log(run: Run) -> str:
    return f"{run.id}/worker.log"
