"""One after the other: work that needs so much memory that a server does it for one person at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

_LOOK_SECONDS = 0.5


class Turns:
    """A queue of this process: whoever came first is first.

    All work is done in one thread: the C library keeps what a thread frees for that same thread, so that a picture read
    in each of thirty sessions' threads would leave thirty times its memory behind.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cnnviz-turns")
        self._waiting: list[Future[Any]] = []
        self._lock = threading.Lock()

    def do(self, work: Callable[[], Result], tell: Callable[[int], None]) -> Result:
        """What ``work`` gives, or raises. Until it is done ``tell`` is called twice a second with the number of those
        before it; what that raises, as Streamlit does when a person has left the page, gives the place up.
        """
        with self._lock:
            task = self._thread.submit(work)
            self._waiting.append(task)
        try:
            while True:
                try:
                    return task.result(_LOOK_SECONDS)
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
