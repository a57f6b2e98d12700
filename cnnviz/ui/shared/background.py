"""Work in the background: importing what is slow to import, long computations with their progress, and work that needs
so much memory that a server does it for one person at a time.

Importing torch takes 2 to 3 seconds, and holds Python's global lock for up to half a second at a time while its
libraries are loaded. So it starts only when no page is running and none has run for a moment: whoever opens the app,
thirty at once even, has the first page before torch costs anything. A page that needs torch sooner imports it itself.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import translate as _
from cnnviz.settings import settings

if TYPE_CHECKING:
    from cnnviz.interpret.jobs import Jobs, Sized

QUIET_SECONDS = 2.0  # after a page: the browser still fetches what belongs to it
LONGEST_WAIT_SECONDS = 20.0
SLOW_IMPORTS = ("torch", "plotly.graph_objects", "cnnviz.tracing.trace")

R = TypeVar("R", bound="Sized")
T = TypeVar("T")
Progress = Callable[[float], None]
"""Is told which part (0..1) is done."""

_LOOK_AT_PAGES_SECONDS = 0.05
_AT_ONCE = 0.15  # seconds that work may take before a bar comes up
_LOOK_SECONDS = 0.2
_ASK_CLUSTER_SECONDS = 5.0

_log = logging.getLogger(__name__)
_changed = threading.Lock()
_pages: dict[threading.Thread, float] = {}
"""The threads in which pages run, and when they began."""
_thread: threading.Thread | None = None
_cluster_is_wanted = threading.Event()
_finished = threading.Event()


def page_begins() -> None:
    """Note that a page begins now, in this thread; the first one starts the thread that will import.

    Takes microseconds.
    """
    global _thread
    with _changed:
        if not _finished.is_set():
            _pages[threading.current_thread()] = time.monotonic()
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


def queue() -> Jobs[Any]:
    """A queue of its own for one kind of work."""
    from cnnviz.interpret.jobs import Jobs

    return Jobs(at_once=max(1, (os.cpu_count() or 1) // 2))


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Any]:
    return queue()


def result(key: Hashable, work: Callable[[Progress], R], title: str, jobs: Jobs[R] | None = None) -> R:
    """What ``work`` returns, known again by ``key``; while it goes on a bar shows how far it is.

    ``work`` gets a function to be called with the part (0..1) that is done; it ends where nobody watches any
    more. ``title`` says what is done, as Markdown. ``jobs`` is a :func:`queue` other than the common one.

    Raises:
        Exception: what the work raised.
    """
    one_thread_an_operation()
    job = (jobs or _jobs()).get(key, work)
    if not job.wait(_AT_ONCE):
        bar = st.progress(0.0, title)
        try:
            while not job.wait(_LOOK_SECONDS):
                bar.progress(job.part, _progress_text(title, job.started, job.seconds_left))
        finally:
            bar.empty()
    found: R = job.result()
    return found


def with_bar(work: Callable[[Progress], T], text: Callable[[float], str]) -> T:
    """What ``work`` returns, done now, with a bar that says in ``text`` how far it is (0..1)."""
    bar = st.progress(0.0, text(0.0))

    def show(part: float) -> None:
        bar.progress(part, text(part))

    try:
        return work(show)
    finally:
        bar.empty()


def _progress_text(title: str, started: bool, seconds_left: float | None) -> str:
    if not started:
        return _("{title}: queued behind another computation.", title=title)
    if seconds_left is None:
        return title
    return _("{title}: {seconds:,.0f} s left", title=title, seconds=seconds_left)


def _import_when_quiet() -> None:
    _wait_until_quiet()
    for name in SLOW_IMPORTS:
        try:
            importlib.import_module(name)
        except Exception:  # the page that needs it will say so; the others go on
            _log.exception("Could not import %s ahead of time", name)
    _finished.set()
    _resume_queue()


def ask_cluster() -> None:
    """Let the thread that asks the cluster do so now: no page waits for a scheduler's answers."""
    _cluster_is_wanted.set()


def _resume_queue() -> None:
    """Let the runs go on that waited when the last server ended, and have a process wait for new ones. A cluster is asked
    again and again: its jobs may end before anything of cnnviz begins, which nobody else would notice.
    """
    from cnnviz.training.worker.dispatching import resume_queue, start_queued
    from cnnviz.training.worker.processes import keep_standby

    said = _moved(resume_queue, "")
    keep_standby()
    while settings().cluster is not None:
        _cluster_is_wanted.wait(_ASK_CLUSTER_SECONDS)
        _cluster_is_wanted.clear()
        said = _moved(start_queued, said)


def _moved(move: Callable[[], object], said: str) -> str:
    """Let the queue move; returns why it does not, which is written down where it is not what was ``said`` before."""
    try:
        move()
    except CnnvizError as error:  # the Train page says it, too, and tries again
        if str(error) != said:
            _log.warning("The queue of runs does not move: %s", error)
        return str(error)
    return ""


def _wait_until_quiet() -> None:
    """Wait until no page has run for a moment: the longer, the longer pages took, as on a busy machine."""
    now = time.monotonic()
    latest_start, quiet_from = now + LONGEST_WAIT_SECONDS, now + QUIET_SECONDS
    while (now := time.monotonic()) < min(quiet_from, latest_start):
        for began in _running_pages():
            quiet_from = max(quiet_from, now + QUIET_SECONDS, now + (now - began))
        time.sleep(_LOOK_AT_PAGES_SECONDS)


def _running_pages() -> list[float]:
    """When the pages began that run; those that have ended since the last call are among them for once."""
    with _changed:
        began = list(_pages.values())
        for thread in [thread for thread in _pages if not thread.is_alive()]:
            del _pages[thread]
        return began


_TELL_SECONDS = 0.5


class Turns:
    """A queue of this process: whoever came first is first.

    All work is done in one thread: the C library keeps what a thread frees for that same thread, so that a picture read
    in each of thirty sessions' threads would leave thirty times its memory behind.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cnnviz-turns")
        self._waiting: list[Future[Any]] = []
        self._lock = threading.Lock()

    def do(self, work: Callable[[], T], tell: Callable[[int], None]) -> T:
        """What ``work`` gives, or raises. Until it is done ``tell`` is called twice a second with the number of those
        before it; what that raises, as Streamlit does when a person has left the page, gives the place up.
        """
        with self._lock:
            task = self._thread.submit(work)
            self._waiting.append(task)
        try:
            while True:
                try:
                    return task.result(_TELL_SECONDS)
                except TimeoutError:
                    if task.done():
                        return task.result()
                tell(self._before(task))
        finally:
            task.cancel()
            with self._lock:
                self._waiting.remove(task)

    def _before(self, task: Future[Any]) -> int:
        with self._lock:
            return self._waiting.index(task)
