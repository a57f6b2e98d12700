"""What a process of the sandbox gives up before it reads what a person wrote."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import sys
import time
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

from cnnviz.own.sandbox.system_calls import filter_program, refuse_system_calls

MOST_MEMORY = 1 << 30
"""Bytes that reading one network may take beyond what PyTorch and cnnviz take already."""
MOST_FILES = 32

_SANDLOCK = "sandlock"
_SET_PARENT_DEATH_SIGNAL = 1
_SET_NO_NEW_PRIVILEGES = 38


def confine(seconds: float) -> None:
    """Take from this process what reading a network does not need; what the system does not offer is left out.

    It can write no file, start no process, gain no rights, open no connection, take little more memory, and not work
    for longer than ``seconds``. It ends when its parent does. Where the package ``sandlock`` is installed and Linux
    offers Landlock, it can read nothing but Python and its packages.
    """
    if sys.platform == "linux":
        _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        _control(_SET_NO_NEW_PRIVILEGES, 1)
    if resource is not None:
        _limit(seconds)
    _landlock()
    with contextlib.suppress(OSError, AttributeError):
        refuse_system_calls()


def _limit(seconds: float) -> None:
    mapped = _mapped()
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NPROC": 0,
        "RLIMIT_NOFILE": MOST_FILES,
        "RLIMIT_CPU": int(time.process_time() + seconds) + 2,
        "RLIMIT_AS": mapped + MOST_MEMORY if mapped else resource.RLIM_INFINITY,
    }
    for name, most in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def _control(option: int, value: int) -> None:
    """``prctl(2)``."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _mapped() -> int:
    """The bytes that this process has mapped; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _landlock() -> None:
    """Nothing but Python and its packages can be read any more, and no other process be reached."""
    sandlock = sys.modules.get(_SANDLOCK)
    if sandlock is not None:
        with contextlib.suppress(Exception):  # whatever it lacks here, the other limits hold
            sandlock.confine(sandlock.Sandbox(fs_readable=_readable()))


def prepare() -> None:
    """Make ready what processes that are forked later need to confine themselves.

    The package ``sandlock`` is imported if it is installed.
    """
    filter_program()
    with contextlib.suppress(Exception):  # a package that does not fit this system is none
        importlib.import_module(_SANDLOCK)


def _readable() -> list[str]:
    """Where Python and its packages are; of the project's folder, in which runs may be kept, the package alone."""
    project = Path(__file__).parents[3]
    paths = {Path(path).resolve() for path in (sys.prefix, sys.base_prefix, *sys.path) if path}
    found = {Path(__file__).parents[2], *(path for path in paths if path != project and path.exists())}
    return sorted(map(str, found))
