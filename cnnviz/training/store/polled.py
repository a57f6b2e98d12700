"""The run store as pages see it: each question is put to it once a second at most, however many people look.

Whoever needs the truth, to change something or to work on a run, reads the store itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from cnnviz.errors import CnnvizError
from cnnviz.settings import Settings
from cnnviz.training.records.figures import RATES_FILE, EpochMetrics, RateChange, read_rate_changes
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, Samples, Steps, read_samples, read_steps
from cnnviz.training.store.reading import RunReader
from cnnviz.training.store.runs import Kind, Run
from cnnviz.training.store.store import RunStore, open_store

P = ParamSpec("P")
T = TypeVar("T")


def _polled(read: Callable[Concatenate[RunReader, P], T]) -> Callable[Concatenate[PolledStore, P], T]:
    """The reading method ``read`` of the store, asked by all together."""

    @wraps(read)
    def ask(self: PolledStore, /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (read.__name__, args, tuple(sorted(kwargs.items())))
        return self.once_a_second(key, partial(read, self.store, *args, **kwargs))

    return ask


class PolledStore:
    """What the ``store`` says, which is at most a second old, and newer than whatever this process has written to it.

    Its methods are those of :class:`cnnviz.training.store.reading.RunReader`, with their errors. What they return
    is shared by all who ask, and must not be changed. An answer, or an error, holds until the next full second of
    ``clock``. Objects may be used from several threads: of those who ask the same at the same time one asks the store.
    """

    def __init__(self, store: RunStore, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Hashable, _Answer] = {}

    list = _polled(RunReader.list)
    count = _polled(RunReader.count)
    state = _polled(RunReader.state)
    with_checkpoint = _polled(RunReader.with_checkpoint)
    queue_moves = _polled(RunReader.queue_moves)
    is_stopping = _polled(RunReader.is_stopping)

    def get(self, run_id: str) -> Run:
        """See :meth:`RunReader.get`."""
        return self.state(run_id).run

    def epochs(self, run_id: str) -> tuple[EpochMetrics, ...]:
        """See :meth:`RunReader.epochs`."""
        return self.state(run_id).epochs

    def requested(self, run_id: str) -> tuple[Kind, ...]:
        """See :meth:`RunReader.requested`."""
        return self.state(run_id).requested

    def queue_position(self, run_id: str) -> int | None:
        """See :meth:`RunReader.queue_position`."""
        return self.state(run_id).queue_position

    def steps(self, run: Run) -> Steps:
        """See :func:`cnnviz.training.records.metrics.read_steps`."""
        return self._of_file(run, STEPS_FILE, read_steps)

    def samples(self, run: Run) -> Samples:
        """See :func:`cnnviz.training.records.metrics.read_samples`."""
        return self._of_file(run, SAMPLES_FILE, read_samples)

    def rate_changes(self, run: Run) -> tuple[RateChange, ...]:
        """See :func:`cnnviz.training.records.figures.read_rate_changes`."""
        return self._of_file(run, RATES_FILE, read_rate_changes)

    def _of_file(self, run: Run, name: str, read: Callable[[Path], T]) -> T:
        return self.once_a_second((run.id, name), lambda: read(self.store.file(run, name)))

    def once_a_second(self, key: Hashable, do: Callable[[], T]) -> T:
        """What ``do`` returns or raises, known by ``key`` until the next second, or until this process writes."""
        with self._lock:
            answer = self._answers.setdefault(key, _Answer())
        with answer.lock:
            if not self._holds(answer):
                self._forget()
                answer.written = (
                    self.store.written
                )  # before it is read: what is written meanwhile is not in it
                answer.give(do)
                answer.second = (
                    self._second()
                )  # after it: whoever waited for a slow store does not ask it again
            return cast("T", answer.result())

    def _second(self) -> int:
        return int(self._clock())

    def _holds(self, answer: _Answer) -> bool:
        return answer.second == self._second() and answer.written is self.store.written

    def _forget(self) -> None:
        """Drop what no longer holds, unless somebody is just asking it."""
        with self._lock:
            for key, answer in [*self._answers.items()]:
                if not answer.lock.locked() and not self._holds(answer):
                    del self._answers[key]


class _Answer:
    """What was answered to one question: in which ``second``, and after which write; ``lock`` is held while it is put."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.second = -1
        self.written: object = None
        self._value: Any = None
        self._error: CnnvizError | None = None

    def give(self, do: Callable[[], object]) -> None:
        """Keep what ``do`` returns, or why it cannot."""
        self.second, self._value, self._error = -1, None, None
        try:
            self._value = do()
        except CnnvizError as error:
            self._error = error

    def result(self) -> Any:
        """It, or its error."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._value


@lru_cache(maxsize=4)
def _polled_store(store: RunStore) -> PolledStore:
    return PolledStore(store)


def open_polled(configuration: Settings | None = None) -> PolledStore:
    """The process's run store for these settings (by default those in force), as all its pages see it."""
    return _polled_store(open_store(configuration))
