"""What a worker does beside training: renew its lease, listen, and write down what happens."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from cnnviz.errors import CnnvizError
from cnnviz.training.metrics import MetricsWriter
from cnnviz.training.observer import EpochMetrics, Observer
from cnnviz.training.schema import StoreError
from cnnviz.training.store import RunStore

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.session import Session

T = TypeVar("T")

_LONGEST_INTERVAL = 0.5  # seconds; a page's Stop and its progress bar wait for no longer
_RESERVED_BYTES = 256 * 1024
_LAST_WORDS_SECONDS = 30.0


class Keeper:
    """Keeps a claimed run while the ``with`` block lasts: renews the lease, hears of a stop.

    It has a thread of its own, so that a long test pass or a slow import does not look like a dead
    worker. ``epoch`` and ``step`` are set by whoever trains, and shown to everybody with each renewal.
    """

    def __init__(self, store: RunStore, run_id: str, worker: str) -> None:
        self.store, self.run_id, self.worker = store, run_id, worker
        self.epoch = self.step = 0
        self.stop_requested = False
        self.terminated = False
        self.lost = False
        self._renewed_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="cnnviz-keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def must_stop(self) -> bool:
        """Whether training should end now; asked before every step."""
        return self.stop_requested or self.terminated or self.lost

    def before_step(self, session: Session) -> bool:
        """See :class:`cnnviz.training.loop.Supervisor`."""
        return not self.must_stop()

    def after_epoch(self, session: Session) -> None:
        """See :class:`cnnviz.training.loop.Supervisor`."""

    def write(self, write: Callable[[], T]) -> T:
        """:func:`persistently`, but so that the run can still fail with its true reason: within the lease."""
        return persistently(write, self.store.settings.lease_seconds / 2)

    def _keep(self) -> None:
        lease = self.store.settings.lease_seconds
        while True:
            try:
                self._look()
            except CnnvizError:  # a database that is locked for a while, say: the lease has some room
                self.lost = self.lost or time.monotonic() - self._renewed_at > lease
            if self._over.wait(min(_LONGEST_INTERVAL, lease / 4)):
                return

    def _look(self) -> None:
        asked_at = time.monotonic()
        if not self.store.renew(self.run_id, self.worker, self.epoch, self.step):
            self.lost = True
            return
        self._renewed_at = asked_at
        self.stop_requested = self.stop_requested or self.store.stop_requested(self.run_id)


class Recorder:
    """The observer that writes a run down, and passes everything on to the person's own observer.

    Raises:
        OSError: the metrics cannot be written; ``ENOSPC`` where the disk is full.
    """

    def __init__(
        self, keeper: Keeper, metrics: MetricsWriter, epochs: int, audience: Observer | None
    ) -> None:
        self._keeper, self._metrics, self._epochs, self._audience = keeper, metrics, epochs, audience

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """See :class:`cnnviz.training.observer.Observer`."""
        keeper = self._keeper
        total_steps = steps_per_epoch * self._epochs
        keeper.write(lambda: keeper.store.begin(keeper.run_id, keeper.worker, total_steps))
        if self._audience is not None:
            self._audience.on_start(model, steps_per_epoch)

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """See :class:`cnnviz.training.observer.Observer`."""
        self._metrics.add(step, epoch, loss, accuracy, seconds)
        self._keeper.epoch, self._keeper.step = epoch, step
        if self._audience is not None:
            self._audience.on_step(step, epoch, loss, accuracy, seconds)

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """See :class:`cnnviz.training.observer.Observer`."""
        keeper = self._keeper
        self._metrics.flush()
        keeper.write(lambda: keeper.store.add_epoch(keeper.run_id, keeper.worker, metrics))
        if self._audience is not None:
            self._audience.on_epoch(metrics, model)


@contextlib.contextmanager
def reserved_space(folder: Path) -> Iterator[None]:
    """Keep a little of the disk back while the block lasts, and give it free at its end.

    So a worker that ends because the disk is full can still write into the database that it did.

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
    """The result of ``write``; where the store refuses, it is tried again for so many seconds.

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
        time.sleep(0.5)  # nothing tells when another program lets the database go, or the disk has room
