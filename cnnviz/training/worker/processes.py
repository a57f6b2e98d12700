"""Processes of this machine that train, and outlive whoever started them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnviz.settings import PROJECT_DIRECTORY, Settings

LOG_NAME = "worker.log"
_NICEST = 19


def command(*words: str) -> list[str]:
    """A command of this Python. -P: a module of the folder one happens to be in must not take the place of a
    real one.
    """
    return [sys.executable, "-P", *words]


def environment(chosen: Settings) -> dict[str, str]:
    """The environment in which a process finds the same code and the same settings."""
    paths = [str(PROJECT_DIRECTORY), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "CNNVIZ_RUNS_DIR": str(chosen.runs_dir),
        "CNNVIZ_DATABASE_URL": chosen.database_url,
        "CNNVIZ_DATA_DIR": str(chosen.data_dir),
        "CNNVIZ_CHECKPOINTS_DIR": str(chosen.checkpoints_dir),
        "CNNVIZ_MAX_WORKERS": str(chosen.max_workers),
        "CNNVIZ_SPARE_WORKERS": str(chosen.spare_workers),
        "CNNVIZ_THREADS": str(chosen.threads),
        "CNNVIZ_LEASE_SECONDS": str(chosen.lease_seconds),
        "CNNVIZ_PAUSE_SECONDS": str(chosen.pause_seconds),
        "CNNVIZ_SNAPSHOT_MB": str(chosen.snapshot_mb),
    }


def start_detached(
    words: Sequence[str], variables: Mapping[str, str], step_back: int, **streams: Any
) -> subprocess.Popen[bytes]:
    """Start a process that goes on when this one ends, ``step_back`` steps nicer than this one.

    Raises:
        OSError: it cannot be started.
    """
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        }
    process = subprocess.Popen(words, env=variables, **streams, **options)
    _be_nice(process.pid, step_back)
    return process


def _be_nice(pid: int, step_back: int) -> None:
    """Make the process ``pid`` ``step_back`` steps nicer than this one, as far as there are steps."""
    if sys.platform == "win32":
        return
    niceness = min(_NICEST, os.getpriority(os.PRIO_PROCESS, 0) + step_back)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    # Linux may share the processor out by session first; a session of its own then needs its own niceness
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
