"""What it costs to watch a training: the time in the observer and the supervisor, and of the threads beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Account:
    """Adds up the seconds that watching takes from a training.

    On a machine whose speed swings by a tenth from pass to pass, the difference of two passes says nothing about
    some hundredths; this sum does. It misses what a thread costs by being there, such as colder caches.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def charged(self, watcher: Any) -> Any:
        """Like ``watcher``, but the time in its methods is charged to this account."""
        return _Charged(watcher, self)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Charge the processor time that all other threads of Python take while the block lasts.

        PyTorch's own threads are none of them. A thread that ends within the block is not charged.
        """
        before = _processor_seconds()
        yield
        after = _processor_seconds()
        self.seconds += sum(seconds - before.get(thread, 0.0) for thread, seconds in after.items())


class _Charged:
    def __init__(self, watcher: Any, account: Account) -> None:
        self._watcher, self._account = watcher, account

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._watcher, name)

        def timed(*args: Any) -> Any:
            begin = time.perf_counter()
            try:
                return method(*args)
            finally:
                self._account.seconds += time.perf_counter() - begin

        setattr(self, name, timed)  # found at once the next time
        return timed


def _processor_seconds() -> dict[int, float]:
    """Of each thread beside this one, by its number."""
    return {
        thread.ident: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and thread.ident is not None
    }
