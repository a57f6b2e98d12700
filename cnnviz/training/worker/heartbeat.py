"""What a worker does beside training: renew its lease, listen for requests, and record what happens."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from cnnviz.errors import CnnvizError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import MetricsWriter
from cnnviz.training.store.database import StoreError
from cnnviz.training.store.runs import Command, Kind
from cnnviz.training.store.store import RunStore

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.loop.loop import Observer

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_INTERVAL = 0.5  # seconds; a page's Stop and its progress bar wait for no longer
_RESERVED_BYTES = 256 * 1024
_LAST_WORDS_SECONDS = 30.0
_RETRY_SECONDS = 0.5


class Heartbeat:
    """Holds a claimed run while the ``with`` block lasts: renews its lease and listens for what people ask.

    It has a thread of its own, so that a long test pass or a slow import does not look like a dead
    worker. ``epoch`` and ``step`` are set by whoever trains, and shown to everybody with each renewal.
    ``attention`` becomes true as soon as there is something to hear; it may be read at every step.
    """

    def __init__(self, store: RunStore, run_id: str, worker: str, epoch: int = 0, step: int = 0) -> None:
        self.store, self.run_id, self.worker = store, run_id, worker
        self.epoch, self.step = epoch, step
        self.attention = False
        self.stop_requested = False
        self.terminated = False
        self.lost = False
        self._requests: deque[Command] = deque()
        self._listening = threading.Lock()
        self._leaving = False
        self._renewed_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="cnnviz-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def holds(self) -> bool:
        """Whether the run is still this worker's, for all it knows: its own clock tells, whatever the store does."""
        return not self.lost and time.monotonic() - self._renewed_at < self.store.settings.lease_seconds

    def must_stop(self) -> bool:
        """Whether training should end now."""
        return self.stop_requested or self.terminated or self.lost

    def stop(self) -> None:
        """Let the run end as if a person had asked for it; a signal may call this."""
        self.stop_requested = self.attention = True

    def terminate(self) -> None:
        """Let the run end because the machine wants its worker gone; a signal may call this."""
        self.terminated = self.attention = True

    def requests(self) -> Iterator[Command]:
        """What people have asked for since the last call, in order."""
        while self._requests:
            yield self._requests.popleft()

    def listen(self) -> None:
        """Fetch what people have asked for up to now; the thread does so about twice a second.

        Raises:
            StoreError: the store does not answer.
        """
        with self._listening:
            if self._leaving:
                return
            for command in self.store.take_commands(self.run_id):
                if command.kind == Kind.STOP:
                    self.stop_requested = True
                else:
                    self._requests.append(command)
                self.attention = True

    def leave(self) -> Sequence[Command]:
        """Stop listening; returns what was asked and not done yet, for whoever works on the run next."""
        with self._listening:
            self._leaving = True
        stop = [Command(Kind.STOP)] if self.stop_requested else []
        return [*self.requests(), *stop]

    def write(self, write: Callable[[], T]) -> T:
        """:func:`persistently`, but so that the run can still fail with its true reason: within the lease."""
        return persistently(write, self.store.settings.lease_seconds / 2)

    def tell(
        self,
        change: Callable[Concatenate[RunStore, str, str, P], bool],
        *values: P.args,
        **facts: P.kwargs,
    ) -> bool:
        """:meth:`write` a change of the run by one of the store's methods for workers; whether it is still theirs."""
        return self.write(lambda: change(self.store, self.run_id, self.worker, *values, **facts))

    def _beat(self) -> None:
        lease = self.store.settings.lease_seconds
        while True:
            try:
                self._renew()
                self.listen()
            except CnnvizError:  # a database that is locked for a while, say: the lease has some room
                if time.monotonic() - self._renewed_at > lease:
                    self.lost = self.attention = True
            if self._over.wait(min(_LONGEST_INTERVAL, lease / 4)):
                return

    def _renew(self) -> None:
        asked_at = time.monotonic()
        if self.store.renew(self.run_id, self.worker, self.epoch, self.step):
            self._renewed_at = asked_at
        else:
            self.lost = self.attention = True


class Recorder:
    """The observer that records a run, and passes everything on to the observer ``audience``.

    ``finished`` are the epochs that were completed before a run was resumed.

    Raises:
        OSError: the metrics cannot be written; ``ENOSPC`` where the disk is full.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        metrics: MetricsWriter,
        epochs: int,
        audience: Observer | None,
        finished: Sequence[EpochMetrics] = (),
    ) -> None:
        self._heartbeat, self._metrics, self._epochs, self._audience = heartbeat, metrics, epochs, audience
        self._finished = finished

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""
        self._heartbeat.tell(RunStore.begin, steps_per_epoch * self._epochs, self._finished)
        if self._audience is not None:
            self._audience.on_start(model, steps_per_epoch)

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""
        self._metrics.add(step, epoch, loss, accuracy, seconds)
        self._heartbeat.epoch, self._heartbeat.step = epoch, step
        if self._audience is not None:
            self._audience.on_step(step, epoch, loss, accuracy, seconds)

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""
        self._metrics.flush()
        self._heartbeat.tell(RunStore.add_epoch, metrics)
        if self._audience is not None:
            self._audience.on_epoch(metrics, model)


@contextlib.contextmanager
def reserved_space(folder: Path) -> Iterator[None]:
    """Reserve a little disk space while the block lasts, and free it at the end.

    A worker that ends because the disk is full can then still say so in the database.

    Raises:
        OSError: not even this much is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "reserve"
    try:
        with path.open("wb") as file:
            file.write(os.urandom(_RESERVED_BYTES))  # zeros might be stored without taking any space
        yield
    finally:
        path.unlink(missing_ok=True)


def persistently(write: Callable[[], T], seconds: float = _LAST_WORDS_SECONDS) -> T:
    """The result of ``write``, which is tried again for ``seconds`` while the store refuses.

    Raises:
        StoreError: the store refused until the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return write()
        except StoreError:
            if time.monotonic() > deadline:
                raise
        # Nothing tells when another program releases the database, or the disk has room again.
        time.sleep(_RETRY_SECONDS)


def why_not_written(error: OSError, folder: Path) -> Message:
    """Why a run ends that cannot write into its ``folder``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Message(
            "The disk is full: nothing more can be written to {folder}. The measurements up to then are "
            "kept. Free some space and start again.",
            folder=folder,
        )
    return StorageError(Path(error.filename or folder), error).message
