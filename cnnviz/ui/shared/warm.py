"""Import what is slow to import, in the background, once per process.

Importing torch takes 2 to 3 seconds, and holds Python's global lock for up to half a second at a time
while its libraries are loaded. So it starts only when no page has begun for a moment: whoever opens
the app, thirty at once even, has the first page before torch costs anything. A page that needs torch
sooner imports it itself.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time

from cnnviz.errors import CnnvizError

QUIET_SECONDS = 2.0  # thirty first pages at once take as long as this
LONGEST_WAIT_SECONDS = 10.0
SLOW_IMPORTS = ("torch", "plotly.graph_objects", "cnnviz.tracing.trace")

_log = logging.getLogger(__name__)
_changed = threading.Condition()
_latest_page = 0.0
_thread: threading.Thread | None = None
_finished = threading.Event()


def page_begins() -> None:
    """Note that a page begins now; the first one starts the thread that will import. Takes microseconds."""
    global _latest_page, _thread
    with _changed:
        _latest_page = time.monotonic()
        if _thread is None:
            _thread = threading.Thread(target=_import_when_quiet, name="cnnviz-warm", daemon=True)
            _thread.start()


def one_thread_an_operation() -> None:
    """Let torch use one thread for each operation in this process, all its threads included.

    Pages run small networks on single images for many people at once. There two threads only wait for
    each other: on a busy machine with two cores one image through Inception mini takes 1.5 ms with one
    thread and 126 ms with two. Training happens in other processes, which decide for themselves.
    """
    import torch

    torch.set_num_threads(1)


def wait(seconds: float) -> bool:
    """Wait until everything is imported, for at most ``seconds``; whether it is."""
    return _finished.wait(seconds)


def _import_when_quiet() -> None:
    _wait_until_quiet()
    for name in SLOW_IMPORTS:
        try:
            importlib.import_module(name)
        except Exception:  # the page that needs it will say so; the others go on
            _log.exception("Could not import %s ahead of time", name)
    _finished.set()
    _resume_queue()


def _resume_queue() -> None:
    """Let the runs go on that waited when the last server ended, and have a process wait for new ones."""
    from cnnviz.training.worker.processes import keep_standby, resume_queue

    try:
        resume_queue()
        keep_standby()
    except CnnvizError as error:  # the Train page says it, too, and tries again
        _log.warning("The queue of runs does not move: %s", error)


def _wait_until_quiet() -> None:
    latest_start = time.monotonic() + LONGEST_WAIT_SECONDS
    with _changed:
        while (start := min(_latest_page + QUIET_SECONDS, latest_start)) > time.monotonic():
            _changed.wait(start - time.monotonic())
