"""What a worker does between two steps of a training: people's requests, saved states, snapshots and samples."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

from cnnviz.files import write_whole
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import write_rate_changes
from cnnviz.training.records.metrics import MetricsWriter
from cnnviz.training.records.snapshots import PREVIOUS_STATE_NAME, STATE_NAME
from cnnviz.training.store.runs import Command, Kind
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.heartbeat import Heartbeat

if TYPE_CHECKING:
    from cnnviz.training.loop.measuring import Sampler
    from cnnviz.training.loop.session import Session
    from cnnviz.training.records.snapshots import State

SAVE_SECONDS = 30.0
_SHARE = 50  # saving the state takes at most one part in so many of the time
_FULL_SNAPSHOTS = 16  # where so many with optimizer and generators fit into the limit, these are kept too
_LOOK_SECONDS = 0.05


class Steering:
    """Continues, pauses, steps or ends a training as people ask through the store, and saves its states.

    A step at which nothing is due costs half a microsecond. ``gave_up`` tells, when the training has ended,
    that it was paused for too long and has given up its place.
    """

    def __init__(self, heartbeat: Heartbeat, metrics: MetricsWriter, folder: Path, step: int = 0) -> None:
        self.gave_up = False
        self._heartbeat, self._metrics, self._folder = heartbeat, metrics, folder
        self._limit = int(heartbeat.store.settings.snapshot_mb * 2**20)
        self._writer = BackgroundWriter()
        self._sampler: Sampler | None = None
        self._allowed = math.inf  # steps until it pauses
        self._snapshot_step = step
        self._save_due = time.monotonic() + SAVE_SECONDS
        self._next = 0.0

    def close(self) -> None:
        """Write everything down that is not yet; raises StorageError where that fails."""
        if self._sampler is not None:
            self._sampler.close()
        self._writer.close()

    def before_step(self, session: Session) -> bool:
        """See :class:`cnnviz.training.loop.loop.Supervisor`."""
        if (
            session.step < self._snapshot_step
            and not self._heartbeat.attention
            and time.monotonic() < self._next
        ):
            return True
        if self._heartbeat.lost:  # the files are another worker's by now
            return False
        self._do_what_is_due(session)
        return self._obey(session) if self._heartbeat.attention else True

    def after_epoch(self, session: Session) -> None:
        """See :class:`cnnviz.training.loop.loop.Supervisor`."""
        if self._heartbeat.lost:
            return
        state = session.state()
        self._snapshot(session, state)
        if session.epoch <= session.recipe.epochs:
            self._save(session, state)
        self._measure(session).epoch(session.step, session.finished[-1])

    def _do_what_is_due(self, session: Session) -> None:
        now, sampler = time.monotonic(), self._measure(session)
        if session.step >= self._snapshot_step:
            self._snapshot(session, session.state())
        if now >= sampler.due:
            sampler.sample(session)
        if now >= self._save_due:
            if self._writer.busy:
                self._save_due = now + 1.0
            else:
                self._save(session, session.state())
        self._next = min(sampler.due, self._save_due)

    def _measure(self, session: Session) -> Sampler:
        if self._sampler is None:
            from cnnviz.training.loop.measuring import Sampler

            self._sampler = Sampler(self._folder, session)
        return self._sampler

    def _save(self, session: Session, state: State) -> None:
        begin = time.monotonic()
        self._metrics.flush()  # steps that a saved state is ahead of would be missing for good
        self._writer.write(self._folder / STATE_NAME, state, before=lambda: keep_previous(self._folder))
        self._save_due = begin + max(SAVE_SECONDS, _SHARE * (time.monotonic() - begin + self._writer.seconds))

    def _snapshot(self, session: Session, state: State) -> None:
        self._snapshot_step = snapshots.next_step(session.step)
        if state.nbytes * _FULL_SNAPSHOTS > self._limit:
            state = state.weights_only()
        if state.nbytes > self._limit:
            return
        epoch = session.epoch - (session.batch == 0)
        path = snapshots.path(self._folder, session.step, epoch)
        self._writer.write(path, state, then=lambda: snapshots.thin_out(self._folder, self._limit))

    # -- what people ask for --------------------------------------------------------------------------

    def _obey(self, session: Session) -> bool:
        """Do what people asked for; whether the training goes on."""
        heartbeat = self._heartbeat
        heartbeat.attention = False  # from here on the heartbeat's thread may set it again
        self._hear(session)
        if self._allowed <= 0 and not heartbeat.must_stop():
            with session.watch.standing():
                self._hold(session)
        if self.gave_up or heartbeat.must_stop():
            if not heartbeat.lost:
                self._save(session, session.state())
            return False
        self._allowed -= 1
        if math.isfinite(self._allowed):
            heartbeat.attention = True
        return True

    def _hear(self, session: Session) -> None:
        for command in self._heartbeat.requests():
            self._follow(session, command)

    def _follow(self, session: Session, command: Command) -> None:
        if command.kind == Kind.RATE and command.value is not None:
            session.change_learning_rate(command.value)
            write_rate_changes(self._folder, session.rate_changes)
        elif command.kind in _ALLOWED:
            self._allowed = _ALLOWED[command.kind]

    def _hold(self, session: Session) -> None:
        """Pause until somebody resumes the run, for a single step at least, or ends it."""
        heartbeat = self._heartbeat
        self._save(session, session.state())
        self._measure(session).flush()
        heartbeat.tell(RunStore.pause, session.epoch, session.step)
        deadline = time.monotonic() + heartbeat.store.settings.pause_seconds
        while self._allowed <= 0 and not heartbeat.must_stop():
            # A run that loses one of its processes is resumed with new ones, from what was just saved.
            if time.monotonic() > deadline or (session.group is not None and session.group.is_lost):
                self.gave_up = True
                return
            time.sleep(_LOOK_SECONDS)  # the heartbeat's thread hears of requests, and so do signals
            self._hear(session)
        if self._allowed > 1:
            heartbeat.tell(RunStore.proceed)


def keep_previous(folder: Path) -> None:
    """Keep a run's saved state under its second name, before the next one takes its place."""
    previous = folder / PREVIOUS_STATE_NAME
    with contextlib.suppress(OSError):  # there is none yet; or the file system knows no second names
        if (folder / STATE_NAME).stat().st_size:
            previous.unlink(missing_ok=True)
            os.link(folder / STATE_NAME, previous)  # as new as the state itself, at no cost


_ALLOWED = {Kind.PAUSE: 0.0, Kind.STEP: 1.0, Kind.RESUME: math.inf}
"""How many more steps are made before the run pauses."""


@dataclass(frozen=True)
class _Job:
    path: Path
    state: State
    before: Callable[[], None]
    then: Callable[[], None]


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
        self._jobs: Queue[_Job | None] = Queue()
        self._thread = threading.Thread(target=self._work, name="cnnviz-saving", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something waits to be written."""
        return self._jobs.unfinished_tasks > 0

    def write(
        self,
        path: Path,
        state: State,
        before: Callable[[], None] = lambda: None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Write ``state`` to ``path``, and call ``before`` before it and ``then`` when it is there; returns at once."""
        self._complain()
        self._jobs.put(_Job(path, state, before, then))

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
            begin = time.perf_counter()
            try:
                data = job.state.to_bytes()
                job.before()
                write_whole(job.path, data)
                job.then()
            except BaseException as error:
                self._error = error
            self.seconds = time.perf_counter() - begin
            self._jobs.task_done()
