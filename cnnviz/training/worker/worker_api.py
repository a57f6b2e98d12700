"""What a worker says to the run store, and hears from it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cnnviz.language import Message
from cnnviz.training.loop.observer import EpochMetrics
from cnnviz.training.store.leases import this_process
from cnnviz.training.store.runs import Status, message_to_json
from cnnviz.training.store.store_base import NOBODY, StoreBase, last_turn, owned
from cnnviz.training.store.tables import commands, epochs, runs

STOPPED_WHILE_PAUSED = Message("It was stopped while it was paused.")


class Kind(StrEnum):
    """What a person may ask of a run."""

    STOP = "stop"
    PAUSE = "pause"
    STEP = "step"
    RESUME = "resume"
    RATE = "rate"


@dataclass(frozen=True)
class Command:
    """One wish; ``value`` is the new learning rate of :attr:`Kind.RATE`."""

    kind: Kind
    value: float | None = None


class Work(StoreBase):
    """The part of the store that workers use. Each method that changes a run takes the worker's own name, and
    returns False, and changes nothing, where the run is that worker's no more.
    """

    def claim(self, run_id: str, worker: str) -> bool:
        """Make ``worker`` (a name unique to it) the one that works on a waiting or starting run.

        Returns:
            whether it is; False where another one was faster, or where the run is over.
        """
        with self._database.writing() as connection:
            free = runs.update().where(
                runs.c.id == run_id,
                runs.c.status.in_((Status.QUEUED, Status.STARTING)),
                runs.c.worker.is_(None),
            )
            claim = {"status": Status.STARTING, "worker": worker, **self._lease(), **this_process()}
            return connection.execute(free.values(**claim)).rowcount == 1

    def begin(
        self, run_id: str, worker: str, total_steps: int, finished: Sequence[EpochMetrics] = ()
    ) -> bool:
        """The claimed run's training begins, or goes on after the epochs in ``finished``."""
        with self._database.writing() as connection:
            started = {
                "status": Status.RUNNING,
                "started_at": sa.func.coalesce(runs.c.started_at, time.time()),
            }
            facts = {"total_steps": total_steps, "ended_at": None, "reason": None}
            if connection.execute(owned(run_id, worker).values(**started, **facts)).rowcount == 0:
                return False
            connection.execute(epochs.delete().where(epochs.c.run_id == run_id))
            for figures in finished:
                connection.execute(epochs.insert().values(run_id=run_id, **dataclasses.asdict(figures)))
            return True

    def renew(self, run_id: str, worker: str, epoch: int, step: int) -> bool:
        """Renew the lease and note how far the run is."""
        return self._change(run_id, worker, epoch=epoch, step=step, **self._lease())

    def stop_requested(self, run_id: str) -> bool:
        """Whether somebody asked for the end of the run."""
        return self._any((commands.c.run_id == run_id) & (commands.c.kind == Kind.STOP))

    def take_commands(self, run_id: str) -> Sequence[Command]:
        """What people have asked of the run since the last call, in order. A stop is not forgotten by it, so
        that everybody sees that it was asked for.
        """
        asked = commands.c.run_id == run_id
        with self._database.reading() as connection:  # mostly there is nothing, and it is asked often
            kinds = set(connection.execute(sa.select(commands.c.kind).where(asked)).scalars())
        if kinds <= {Kind.STOP}:
            return [Command(Kind(kind)) for kind in kinds]
        with self._database.writing() as connection:
            rows = connection.execute(
                sa.select(commands.c.kind, commands.c.value).where(asked).order_by(commands.c.number)
            ).all()
            connection.execute(commands.delete().where(asked, commands.c.kind != Kind.STOP))
        return [Command(Kind(kind), value) for kind, value in rows]

    def pause(self, run_id: str, worker: str, epoch: int, step: int) -> bool:
        """The worker holds the run at this step, and waits."""
        return self._change(
            run_id, worker, status=Status.PAUSED, paused_at=time.time(), epoch=epoch, step=step
        )

    def proceed(self, run_id: str, worker: str) -> bool:
        """The worker goes on with the run that it held."""
        return self._change(run_id, worker, status=Status.RUNNING, paused_at=None)

    def give_up_place(
        self, run_id: str, worker: str, unheard: Sequence[Command] = (), **facts: object
    ) -> bool:
        """The worker leaves the paused run, which waits for nobody's place until somebody resumes it; see
        :func:`left`. ``unheard`` are wishes that the worker took and did not follow, ``facts`` further columns.
        """
        with self._database.writing() as connection:
            for command in unheard:
                ask(connection, run_id, command)
            values = {**left(connection, run_id), **facts}
            return connection.execute(owned(run_id, worker).values(**values)).rowcount == 1

    def add_epoch(self, run_id: str, worker: str, figures: EpochMetrics) -> bool:
        """Note a finished epoch; its test accuracy becomes the run's."""
        with self._database.writing() as connection:
            values = owned(run_id, worker).values(test_accuracy=figures.test_accuracy)
            if connection.execute(values).rowcount == 0:
                return False
            connection.execute(epochs.insert().values(run_id=run_id, **dataclasses.asdict(figures)))
        return True

    def finish(
        self, run_id: str, worker: str, status: Status, reason: Message | None = None, **facts: object
    ) -> bool:
        """End the run with a status and, where there is something to say, the reason.

        ``facts`` are further columns: epoch, step, test_accuracy, checkpoint.
        """
        ended = {"status": status, "reason": message_to_json(reason), "ended_at": time.time()}
        return self._change(run_id, worker, **ended, **facts)


def ask(connection: Connection, run_id: str, command: Command) -> None:
    """Note what a person asks of a run."""
    values = {"run_id": run_id, "kind": command.kind, "value": command.value, "created_at": time.time()}
    connection.execute(commands.insert().values(**values))


def left(connection: Connection, run_id: str) -> dict[str, object]:
    """The columns of a paused run that its worker has left: what it was asked for meanwhile is done without one."""
    wanted = sa.select(commands.c.kind).where(commands.c.run_id == run_id)
    kinds = set(connection.execute(wanted).scalars())
    if Kind.STOP in kinds:
        reason = message_to_json(STOPPED_WHILE_PAUSED)
        return {**NOBODY, "status": Status.STOPPED, "reason": reason, "ended_at": time.time()}
    if kinds & {Kind.RESUME, Kind.STEP}:
        return queued(connection)
    return {**NOBODY, "status": Status.PAUSED}


def queued(connection: Connection) -> dict[str, object]:
    """The columns of a run that queues now, behind all others."""
    later = {"status": Status.QUEUED, "turn": last_turn(connection) + 1}
    return {**NOBODY, **later, "reason": None, "ended_at": None, "paused_at": None}
