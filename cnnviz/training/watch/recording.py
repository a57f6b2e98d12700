"""What writes a watched training down, in a thread of its own: the training waits for nothing."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cnnviz.errors import CnnvizError
from cnnviz.files import write_whole
from cnnviz.language import Message
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import (
    FLUSH_SECONDS,
    SAMPLES_FILE,
    STEPS_FILE,
    MetricsWriter,
    Sample,
    SamplesWriter,
)
from cnnviz.training.records.snapshots import State
from cnnviz.training.store.runs import Status, Watched
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.heartbeat import Heartbeat, persistently, why_not_written

MOST_WAITING = 500_000
"""So many steps are kept in memory where the disk does not take them; then the oldest are lost."""
_MOST_SNAPSHOTS = 64
_LAST_WORDS_SECONDS = 20.0


class Entry(NamedTuple):
    """One step: ``loss`` and ``accuracy`` may still be on a device; ``at`` is a time of ``perf_counter``."""

    step: int
    epoch: int
    loss: float | Tensor
    accuracy: float | Tensor
    at: float


class EpochEnd(NamedTuple):
    """The end of an epoch, with its figures on the test images."""

    step: int
    epoch: int
    loss: float | Tensor
    accuracy: float | Tensor
    at: float


class Measured(NamedTuple):
    """Gradient norms (L,), a number for each of the ``layers``, and the learning rate, NaN where it is not known.

    The first one's layers are those of the curves: a layer that comes later has none.
    """

    step: int
    epoch: int
    at: float
    learning_rate: float | Tensor
    layers: tuple[str, ...]
    norms: Tensor | None


class Filters(NamedTuple):
    """The filters (N, in, h, w) of the layer ``name``."""

    step: int
    epoch: int
    name: str
    weight: Tensor


Item = Entry | EpochEnd | Measured | Filters


class Recording:
    """Writes what :meth:`put` is given into the files of a new run, four times a second, and keeps the run's lease.

    Once it ``is_over`` nothing is written any more.

    Raises:
        CnnvizError, OSError: the run cannot be begun.
    """

    def __init__(self, watched: Watched, name: str | None) -> None:
        self._store = open_store()
        self._worker = uuid.uuid4().hex
        self.run_id = self._store.create_watched(watched, self._worker, name)
        self._folder = self._store.folder(self.run_id)
        self._begun = time.perf_counter()
        self._items: deque[Item] = deque(maxlen=MOST_WAITING)
        self.put = self._items.append
        self.is_over = False
        self._over = threading.Event()
        self._ending: tuple[Status, Message | None] = (Status.FINISHED, None)
        self._thread = threading.Thread(target=self._work, name="cnnviz-watch", daemon=True)
        self._epoch = _Epoch(self._begun)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._steps = MetricsWriter(self._folder / STEPS_FILE)
            self._samples: SamplesWriter | None = None
            self._layers: tuple[str, ...] = ()
        except (OSError, CnnvizError) as error:
            reason = why_not_written(error, self._folder) if isinstance(error, OSError) else error.message
            self._finish(Status.FAILED, reason)
            raise CnnvizError(reason) from error
        self._thread.start()

    def end(self, status: Status, reason: Message | None) -> None:
        """Write what waits, and end the run; calling it again does nothing."""
        if not self._over.is_set():
            self._ending = status, reason
            self._over.set()
            self._thread.join(_LAST_WORDS_SECONDS)

    # -- in the thread --------------------------------------------------------------------------------

    def _work(self) -> None:
        ending: tuple[Status, Message | None]
        with Heartbeat(self._store, self.run_id, self._worker) as heartbeat:
            try:
                with self._store.storage.sending(self.run_id, may_send=heartbeat.holds) as sending:
                    while not self._over.wait(FLUSH_SECONDS) and not heartbeat.lost:
                        self._write(heartbeat)
                    self._write(heartbeat)
                    sending.settle()
                ending = self._ending
            except Exception as error:
                reason = _reason(error, self)
                if not heartbeat.lost:  # that is said below
                    tell(Message("Training continues, but it is no longer recorded: {reason}", reason=reason))
                ending = Status.FAILED, reason
        if heartbeat.lost:
            tell(
                Message(
                    "Training continues, but it is no longer recorded: its run {id} was ended elsewhere.",
                    id=self.run_id,
                )
            )
        else:
            self._finish(*ending, epoch=heartbeat.epoch, step=heartbeat.step)
        self._close()

    def _finish(self, status: Status, reason: Message | None, **facts: int) -> None:
        with contextlib.suppress(CnnvizError):  # whoever looks then finds the process gone
            persistently(
                lambda: self._store.finish(self.run_id, self._worker, status, reason, **facts),
                _LAST_WORDS_SECONDS,
            )

    def _close(self) -> None:
        self.is_over = True
        self._over.set()
        self._items.clear()
        for writer in (self._steps, self._samples):
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.close()

    def _write(self, heartbeat: Heartbeat) -> None:
        items = [self._items.popleft() for _ in range(len(self._items))]
        _wait_for(items)
        for item, loss, accuracy in zip(items, *_numbers(items), strict=True):
            heartbeat.step = item.step
            if isinstance(item, Entry):
                seconds = item.at - self._begun
                self._steps.add(item.step, item.epoch, loss, accuracy, seconds)
                self._epoch.add(loss, accuracy)
            elif isinstance(item, EpochEnd):
                heartbeat.epoch = item.epoch
                self._end_epoch(heartbeat, item, loss, accuracy)
            elif isinstance(item, Measured):
                self._add(item)
            else:
                self._keep(item)
        self._steps.flush()
        if self._samples is not None:
            self._samples.flush()

    def _end_epoch(self, heartbeat: Heartbeat, end: EpochEnd, loss: float, accuracy: float) -> None:
        figures = self._epoch.ended(end, loss, accuracy)
        if figures is None:
            tell(
                Message(
                    "Epoch {epoch} has no point in the curves per epoch: give run.log() a loss and an accuracy, "
                    "and run.end_epoch() two finite numbers.",
                    epoch=end.epoch,
                )
            )
        else:
            heartbeat.tell(RunStore.add_epoch, figures)

    def _add(self, measured: Measured) -> None:
        if self._samples is None:
            self._layers = measured.layers
            self._samples = SamplesWriter(self._folder / SAMPLES_FILE, measured.layers)
        norms = (
            {} if measured.norms is None else dict(zip(measured.layers, measured.norms.tolist(), strict=True))
        )
        self._samples.add(
            Sample(
                step=measured.step,
                epoch=measured.epoch,
                seconds=measured.at - self._begun,
                learning_rate=float(measured.learning_rate),
                images_per_second=math.nan,
                seconds_left=math.nan,
                norms=tuple(norms.get(name, math.nan) for name in self._layers),
            )
        )

    def _keep(self, filters: Filters) -> None:
        facts = {"step": filters.step, "epoch": filters.epoch, "finished": []}
        weight = filters.weight.float().cpu()
        data = State(facts, {f"{filters.name}.weight": weight}).to_bytes()
        write_whole(snapshots.path(self._folder, filters.step, filters.epoch), data)
        most = min(int(self._store.settings.snapshot_mb * 2**20), _MOST_SNAPSHOTS * len(data))
        snapshots.thin_out(self._folder, most)


class _Epoch:
    """The means of an epoch's steps so far; it began at ``begun``."""

    def __init__(self, begun: float) -> None:
        self._begin(begun)

    def add(self, loss: float, accuracy: float) -> None:
        """Count one step."""
        self._steps += 1
        self._loss += loss
        self._accuracy += accuracy

    def ended(self, end: EpochEnd, test_loss: float, test_accuracy: float) -> EpochMetrics | None:
        """The epoch's figures, and begin the next; None where one of them is no finite number."""
        steps, seconds = self._steps or math.nan, end.at - self._begun
        figures = (self._loss / steps, self._accuracy / steps, test_loss, test_accuracy)
        self._begin(end.at)
        return EpochMetrics(end.epoch, *figures, seconds, 0.0) if all(map(math.isfinite, figures)) else None

    def _begin(self, begun: float) -> None:
        self._begun, self._steps, self._loss, self._accuracy = begun, 0, 0.0, 0.0


def tell(sentence: Message) -> None:
    """Say it on standard error, where there is one: a training ends with no warning that is made an error."""
    if sys.stderr is not None:  # print would take standard output instead
        with contextlib.suppress(Exception):
            print(f"cnnviz: {sentence}", file=sys.stderr, flush=True)


def _reason(error: Exception, recording: Recording) -> Message:
    if isinstance(error, CnnvizError):
        return error.message
    if isinstance(error, OSError):
        return why_not_written(error, recording._folder)
    return Message("{error}", error=f"{type(error).__name__}: {error}")


def _wait_for(items: Sequence[Item]) -> None:
    """Wait for what is still being computed on a GPU: it may come from any of its streams."""
    tensors = (value for item in items for value in item if isinstance(value, Tensor))
    for device in {tensor.device for tensor in tensors if tensor.is_cuda}:
        torch.cuda.synchronize(device)


def _numbers(items: Sequence[Item]) -> tuple[list[float], list[float]]:
    """The losses and accuracies of all items, NaN of those that have none; what is on a device is fetched at once."""
    values: list[float | Tensor] = []
    for item in items:
        values += (item.loss, item.accuracy) if isinstance(item, Entry | EpochEnd) else (math.nan, math.nan)
    waiting: dict[torch.device, list[int]] = {}
    for place, value in enumerate(values):
        if isinstance(value, Tensor):
            waiting.setdefault(value.device, []).append(place)
    for places in waiting.values():
        together = torch.stack([values[place].float() for place in places])  # type: ignore[union-attr]
        for place, number in zip(places, together.tolist(), strict=True):
            values[place] = number
    plain = [float(value) for value in values]
    return plain[::2], plain[1::2]
