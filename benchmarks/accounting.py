"""The cost of monitoring a training run: time spent in the observer, the supervisor and background threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Account:
    """Adds up the seconds that monitoring takes from training.

    On a machine whose speed varies by 10 % between passes, the difference between two passes cannot show an overhead
    of a few per cent; this sum can. It does not include indirect costs of threads, such as colder caches.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def charged(self, watcher: Any) -> Any:
        """``watcher``, with the time spent in its methods charged to this account."""
        return _Charged(watcher, self)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Charge the processor time of all other Python threads during the block.

        PyTorch's own threads are not included, nor is a thread that ends within the block.
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
    """Processor time of every other thread, by thread id."""
    return {
        thread.ident: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and thread.ident is not None
    }
