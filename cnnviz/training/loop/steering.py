"""Steering a training: people's wishes, saved states, snapshots and samples, between two steps."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.training.loop.resuming import STATE_NAME
from cnnviz.training.records import rate_changes, snapshots
from cnnviz.training.records.metrics import MetricsWriter
from cnnviz.training.store.runs import Command, Kind
from cnnviz.training.worker.heartbeat import Keeper
from cnnviz.training.worker.saving import BackgroundWriter

if TYPE_CHECKING:
    from cnnviz.training.loop.measuring import Sampler
    from cnnviz.training.loop.session import Session
    from cnnviz.training.loop.state import State

SAVE_SECONDS = 30.0
_SHARE = 50  # saving the state takes at most one part in so many of the time
_FULL_SNAPSHOTS = 16  # where so many with optimizer and generators fit into the limit, these are kept too
_LOOK_SECONDS = 0.05


class Steering:
    """Lets a training go on, wait, make a single step or end, as people ask through the store.

    A step at which nothing is to be done costs half a microsecond. ``gave_up`` tells, when the training has
    ended, that it was paused for too long and has given its place up.
    """

    def __init__(self, keeper: Keeper, metrics: MetricsWriter, folder: Path, step: int = 0) -> None:
        self.gave_up = False
        self._keeper, self._metrics, self._folder = keeper, metrics, folder
        self._limit = int(keeper.store.settings.snapshot_mb * 2**20)
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
            and not self._keeper.attention
            and time.monotonic() < self._next
        ):
            return True
        if self._keeper.lost:  # the files are another worker's by now
            return False
        self._do_what_is_due(session)
        return self._obey(session) if self._keeper.attention else True

    def after_epoch(self, session: Session) -> None:
        """See :class:`cnnviz.training.loop.loop.Supervisor`."""
        if self._keeper.lost:
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
        self._writer.write(self._folder / STATE_NAME, state)
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

    # -- wishes ---------------------------------------------------------------------------------------

    def _obey(self, session: Session) -> bool:
        """Do what people asked for; whether the training goes on."""
        keeper = self._keeper
        keeper.attention = False  # from here on the keeper's thread may set it again
        self._hear(session)
        if self._allowed <= 0 and not keeper.must_stop():
            with session.watch.standing():
                self._hold(session)
        if self.gave_up or keeper.must_stop():
            if not keeper.lost:
                self._save(session, session.state())
            return False
        self._allowed -= 1
        if math.isfinite(self._allowed):
            keeper.attention = True
        return True

    def _hear(self, session: Session) -> None:
        for command in self._keeper.orders():
            self._follow(session, command)

    def _follow(self, session: Session, command: Command) -> None:
        if command.kind == Kind.RATE and command.value is not None:
            session.change_learning_rate(command.value)
            rate_changes.write(self._folder, session.rate_changes)
        elif command.kind in _ALLOWED:
            self._allowed = _ALLOWED[command.kind]

    def _hold(self, session: Session) -> None:
        """Wait until somebody lets the run go on, by a step at least, or ends it."""
        keeper = self._keeper
        self._save(session, session.state())
        self._measure(session).flush()
        keeper.write(lambda: keeper.store.pause(keeper.run_id, keeper.worker, session.epoch, session.step))
        deadline = time.monotonic() + keeper.store.settings.pause_seconds
        while self._allowed <= 0 and not keeper.must_stop():
            if time.monotonic() > deadline:
                self.gave_up = True
                return
            time.sleep(_LOOK_SECONDS)  # the keeper's thread hears of wishes, and so do signals
            self._hear(session)
        if self._allowed > 1:
            keeper.write(lambda: keeper.store.proceed(keeper.run_id, keeper.worker))


_ALLOWED = {Kind.PAUSE: 0.0, Kind.STEP: 1.0, Kind.RESUME: math.inf}
"""How many steps are made before the run pauses."""
