"""Long work, done once for everybody, in the background, with visible progress.

A page asks for a result by key. The first to ask starts the work in a thread of its own; those who ask
meanwhile watch the same work; those who ask later get the result. Work that nobody watches any more is ended.
Results that take too many bytes together are dropped, the least recently used first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from cnnviz.bounded import COMMON, Bounded
from cnnviz.errors import CnnvizError
from cnnviz.language import Message

PATIENCE_SECONDS = 15.0
"""How long work continues with nobody watching, for example while a page is reloaded."""


class Sized(Protocol):
    """A result that knows how many bytes of memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        ...


R = TypeVar("R", bound=Sized)


class UnwatchedError(CnnvizError):
    """The work was ended because nobody was waiting for it."""

    def __init__(self) -> None:
        super().__init__(
            Message("Stopped because nobody was waiting for the result. Reload the page to start again.")
        )


class Job(Generic[R]):
    """One piece of work: the fraction ``part`` (0..1) is done, and ``started`` says whether its turn has come."""

    def __init__(self) -> None:
        self.part = 0.0
        self.started = False
        self._finished = threading.Event()
        self._begin = 0.0
        self._watched = time.monotonic()
        self._result: R | None = None
        self._error: BaseException | None = None

    def wait(self, seconds: float) -> bool:
        """Wait for at most ``seconds``; returns whether the work is finished."""
        self._watched = time.monotonic()
        return self._finished.wait(seconds)

    @property
    def seconds_left(self) -> float | None:
        """The time left, estimated from the speed so far; None before the first part is done."""
        if not self.part:
            return None
        return (time.monotonic() - self._begin) / self.part * (1 - self.part)

    def result(self) -> R:
        """The result of finished work.

        Raises:
            Exception: what the work raised.
        """
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _progress(self, part: float) -> None:
        self.part = part
        if time.monotonic() - self._watched > PATIENCE_SECONDS:
            raise UnwatchedError

    def _run(self, work: Callable[[Callable[[float], None]], R]) -> None:
        self.started, self._begin = True, time.monotonic()
        try:
            self._progress(0.0)  # nobody may want it any more once its turn comes
            self._result = work(self._progress)
        except Exception as error:
            self._error = error


class Jobs(Generic[R]):
    """All work of one kind: ``at_once`` pieces at a time; results are ``kept`` where everything is."""

    def __init__(self, at_once: int, kept: Bounded = COMMON) -> None:
        self._kept = kept
        self._turns = threading.BoundedSemaphore(at_once)
        self._jobs: dict[Hashable, Job[R]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, work: Callable[[Callable[[float], None]], R]) -> Job[R]:
        """The work with this ``key``: finished, under way, or started now.

        ``work`` is given a function that it calls often with the fraction (0..1) done; an exception raised by that
        function must end the work. It runs in another thread.
        """
        with self._lock:
            job = self._jobs.get(key) or self._kept.find((self, key))
            if job is None:
                job = self._jobs[key] = Job()
                threading.Thread(
                    target=self._run, args=(key, job, work), name=f"cnnviz-{key}", daemon=True
                ).start()
            return job

    def _run(self, key: Hashable, job: Job[R], work: Callable[[Callable[[float], None]], R]) -> None:
        with self._turns:
            job._run(work)
        with self._lock:
            self._jobs.pop(key, None)
            if job._result is not None:  # the cause of an error may be gone when somebody asks again
                self._kept.put((self, key), job, job._result.nbytes)
        job._finished.set()
