"""The run store: every run that was ever asked for, its state, and who works on it.

Several servers, workers and terminals use one store at once. Whoever changes a run's state does so in
one transaction that excludes all others, and only from the state that it expects; so a run has one
worker, and a worker that has lost its run can change nothing any more.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training import schema
from cnnviz.training.host import host
from cnnviz.training.leases import lease, this_process, why_gone
from cnnviz.training.observer import EpochMetrics
from cnnviz.training.recipe import Recipe
from cnnviz.training.runs import ACTIVE, Run, Status, message_from_json, message_to_json, new_run_id
from cnnviz.training.schema import commands, epochs, runs

# A worker has this long from its start to its claim, even where leases are shorter: the interpreter
# and the imports before the claim take a second, and several on a machine that is busy.
START_SECONDS = 15.0
_STOP = "stop"


class RunStore:
    """The runs below ``settings.runs_dir``, in the database ``settings.database_url``.

    ``patience`` is how many seconds to wait for another process that holds the database. Objects may be
    used from several threads.

    Raises:
        StoreError: the database cannot be opened or is of a newer version; all methods raise it, too,
            when the database is locked for too long, or fails.
    """

    def __init__(self, configuration: Settings, patience: float = 5.0) -> None:
        self.settings = configuration
        self._database = schema.Database(configuration.database_url, patience)

    def close(self) -> None:
        """Close the database; the object is of no use afterwards."""
        self._database.close()

    def folder(self, run_id: str) -> Path:
        """Where the run's files are: metrics, log, checkpoint."""
        return self.settings.runs_dir / run_id

    # -- asking for runs ------------------------------------------------------------------------------

    def create(self, recipe: Recipe, worker: str | None = None) -> str:
        """Put a run of ``recipe`` into the queue and return its id.

        With ``worker`` the run passes the queue by and is claimed by that worker of this process.
        """
        values: dict[str, Any] = {
            "id": new_run_id(),
            "recipe": recipe.to_dict(),
            "status": Status.QUEUED,
            "created_at": time.time(),
        }
        if worker is not None:
            values |= {"status": Status.STARTING, "worker": worker, **self._lease(), **this_process()}
        with self._database.writing() as connection:
            connection.execute(runs.insert().values(**values))
        return str(values["id"])

    def get(self, run_id: str) -> Run:
        """The run as it is now.

        Raises:
            UnknownKeyError: there is none of that id.
        """
        with self._database.reading() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).mappings().first()
            if row is None:
                newest = sa.select(runs.c.id).order_by(runs.c.number.desc()).limit(5)
                raise UnknownKeyError(Message("The run"), run_id, connection.execute(newest).scalars())
        return _run(row)

    def list(self, limit: int | None = None) -> Sequence[Run]:
        """The newest ``limit`` runs, or all, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(runs).order_by(runs.c.number.desc()).limit(limit))
            return [_run(row) for row in rows.mappings()]

    def queue_position(self, run_id: str) -> int | None:
        """The run's place in the queue, from 1; None where it does not wait."""
        with self._database.reading() as connection:
            queued = sa.select(runs.c.id).where(runs.c.status == Status.QUEUED).order_by(runs.c.number)
            waiting = list(connection.execute(queued).scalars())
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def epochs(self, run_id: str) -> Sequence[EpochMetrics]:
        """The figures of the run's finished epochs, in order."""
        columns = [epochs.c[field.name] for field in dataclasses.fields(EpochMetrics)]
        chosen = sa.select(*columns).where(epochs.c.run_id == run_id).order_by(epochs.c.epoch)
        with self._database.reading() as connection:
            return [EpochMetrics(**row) for row in connection.execute(chosen).mappings()]

    def request_stop(self, run_id: str) -> None:
        """Ask for the end of a run: one that waits is stopped at once, one that is worked on soon."""
        self.get(run_id)
        with self._database.writing() as connection:
            waiting = runs.update().where(runs.c.id == run_id, runs.c.status == Status.QUEUED)
            reason = message_to_json(Message("It was stopped while it waited in the queue."))
            end = {"status": Status.STOPPED, "reason": reason, "ended_at": time.time()}
            if connection.execute(waiting.values(**end)).rowcount == 0:
                connection.execute(
                    commands.insert().values(run_id=run_id, kind=_STOP, created_at=time.time())
                )

    # -- the queue ------------------------------------------------------------------------------------

    def take_next(self, max_workers: int) -> str | None:
        """The id of the run that has waited longest, now ``starting``; None where nothing waits or this
        machine already works on ``max_workers`` runs.
        """
        if not self._any(runs.c.status == Status.QUEUED):
            return None
        with self._database.writing() as connection:
            busy = sa.select(sa.func.count()).where(runs.c.status.in_(ACTIVE), runs.c.host == host())
            if (connection.execute(busy).scalar() or 0) >= max_workers:
                return None
            first = sa.select(runs.c.id).where(runs.c.status == Status.QUEUED).order_by(runs.c.number)
            run_id = connection.execute(first.limit(1)).scalar()
            if run_id is not None:
                term = lease(max(START_SECONDS, self.settings.lease_seconds))
                start = runs.update().where(runs.c.id == run_id)
                connection.execute(start.values(status=Status.STARTING, host=host(), **term))
            return run_id

    def note_pid(self, run_id: str, pid: int) -> None:
        """Remember the process that was started for a run, so that its death before the claim shows."""
        with self._database.writing() as connection:
            connection.execute(_unclaimed(run_id).values(pid=pid))

    def reap(self) -> Sequence[str]:
        """Mark runs whose worker is gone as interrupted; returns their ids.

        A worker is gone when its lease ran out, or when it was a process of this machine that is dead.
        """
        with self._database.reading() as connection:
            active = connection.execute(sa.select(runs).where(runs.c.status.in_(ACTIVE))).mappings()
            gone = [(run, reason) for run in map(_run, active) if (reason := why_gone(run)) is not None]
        if not gone:
            return []
        with self._database.writing() as connection:
            return [run.id for run, reason in gone if _interrupt(connection, run, reason)]

    # -- for the worker -------------------------------------------------------------------------------

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

    def begin(self, run_id: str, worker: str, total_steps: int) -> bool:
        """The claimed run's training begins; False where the run is the worker's no more."""
        return self._change(
            run_id, worker, status=Status.RUNNING, started_at=time.time(), total_steps=total_steps
        )

    def renew(self, run_id: str, worker: str, epoch: int, step: int) -> bool:
        """Renew the lease and note how far the run is; False where the run is the worker's no more."""
        return self._change(run_id, worker, epoch=epoch, step=step, **self._lease())

    def stop_requested(self, run_id: str) -> bool:
        """Whether somebody asked for the end of the run."""
        return self._any((commands.c.run_id == run_id) & (commands.c.kind == _STOP))

    def add_epoch(self, run_id: str, worker: str, figures: EpochMetrics) -> bool:
        """Note a finished epoch; its test accuracy becomes the run's. False where the run is the
        worker's no more.
        """
        with self._database.writing() as connection:
            owned = _owned(run_id, worker).values(test_accuracy=figures.test_accuracy)
            if connection.execute(owned).rowcount == 0:
                return False
            connection.execute(epochs.insert().values(run_id=run_id, **dataclasses.asdict(figures)))
        return True

    def finish(
        self, run_id: str, worker: str, status: Status, reason: Message | None = None, **facts: object
    ) -> bool:
        """End the run with a status and, where there is something to say, the reason.

        ``facts`` are further columns: epoch, step, test_accuracy, checkpoint.

        Returns:
            False where the run is the worker's no more; then nothing is changed.
        """
        ended = {"status": status, "reason": message_to_json(reason), "ended_at": time.time()}
        return self._change(run_id, worker, **ended, **facts)

    def fail_start(self, run_id: str, reason: Message) -> None:
        """A run that no worker could be started for has failed."""
        end = {"status": Status.FAILED, "reason": message_to_json(reason), "ended_at": time.time()}
        with self._database.writing() as connection:
            connection.execute(_unclaimed(run_id).values(**end))

    # -- within ---------------------------------------------------------------------------------------

    def _any(self, condition: sa.ColumnElement[bool]) -> bool:
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.literal(1)).where(condition).limit(1)).first() is not None

    def _change(self, run_id: str, worker: str, **values: object) -> bool:
        with self._database.writing() as connection:
            return connection.execute(_owned(run_id, worker).values(**values)).rowcount == 1

    def _lease(self) -> dict[str, Any]:
        return lease(self.settings.lease_seconds)


def _owned(run_id: str, worker: str) -> sa.Update:
    """A change of the run that only takes place while it is the worker's."""
    return runs.update().where(runs.c.id == run_id, runs.c.worker == worker, runs.c.status.in_(ACTIVE))


def _unclaimed(run_id: str) -> sa.Update:
    """A change of the run that only takes place while it starts and no worker has claimed it."""
    return runs.update().where(runs.c.id == run_id, runs.c.status == Status.STARTING, runs.c.worker.is_(None))


def _interrupt(connection: Connection, run: Run, reason: Message) -> bool:
    """Mark ``run`` interrupted, unless it was renewed, claimed or ended since it was read."""
    same = runs.update().where(
        runs.c.id == run.id,
        runs.c.status.in_(ACTIVE),
        runs.c.worker.is_not_distinct_from(run.worker),
        runs.c.lease_until.is_not_distinct_from(run.lease_until),
    )
    end = {"status": Status.INTERRUPTED, "reason": message_to_json(reason), "ended_at": time.time()}
    return connection.execute(same.values(**end)).rowcount == 1


def _run(row: RowMapping) -> Run:
    return Run(**{**row, "status": Status(row["status"]), "reason": message_from_json(row["reason"])})


@lru_cache(maxsize=4)
def _opened(configuration: Settings) -> RunStore:
    return RunStore(configuration)


def open_store(configuration: Settings | None = None) -> RunStore:
    """The process's run store for these settings (by default those in force); opened once."""
    return _opened(configuration or settings())
