"""Writing states of a training while it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

from cnnviz.files import write_whole

if TYPE_CHECKING:
    from cnnviz.training.loop.state import State


class BackgroundWriter:
    """Writes states whole, one after the other, in a thread of its own.

    ``busy`` tells whether it still writes; ``seconds`` is what the last one took.

    Raises:
        StorageError: an earlier state could not be written; raised by the next call of :meth:`write` or by
            :meth:`close`.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._error: BaseException | None = None
        self._jobs: Queue[tuple[Path, State, Callable[[], None]] | None] = Queue()
        self._thread = threading.Thread(target=self._work, name="cnnviz-saving", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something waits to be written."""
        return self._jobs.unfinished_tasks > 0

    def write(self, path: Path, state: State, then: Callable[[], None] = lambda: None) -> None:
        """Write ``state`` to ``path``, and call ``then`` when it is there; returns at once."""
        self._complain()
        self._jobs.put((path, state, then))

    def wait(self) -> None:
        """Wait until everything is written."""
        self._jobs.join()
        self._complain()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._jobs.put(None)
        self._thread.join()
        self._complain()

    def _complain(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            path, state, then = job
            begin = time.perf_counter()
            try:
                write_whole(path, state.to_bytes())
                then()
            except BaseException as error:
                self._error = error
            self.seconds = time.perf_counter() - begin
            self._jobs.task_done()
