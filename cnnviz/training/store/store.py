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
from sqlalchemy.engine import Connection

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training.loop.observer import EpochMetrics
from cnnviz.training.recipe.limits import check_field
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.groups import Groups
from cnnviz.training.store.leases import this_process
from cnnviz.training.store.queueing import Queue
from cnnviz.training.store.runs import OPEN, RESUMABLE, Run, Status, describe, message_to_json, new_run_id
from cnnviz.training.store.store_base import as_run
from cnnviz.training.store.tables import commands, epochs, runs
from cnnviz.training.worker.worker_api import STOPPED_WHILE_PAUSED, Command, Kind, Work, ask, queued


class RunStore(Queue, Work, Groups):
    """The runs below ``settings.runs_dir``, in the database ``settings.database_url``.

    ``patience`` is how many seconds to wait for another process that holds the database. Objects may be
    used from several threads. What the queue does, and what workers use, stands in the base classes.

    Raises:
        StoreError: the database cannot be opened or is of a newer version; all methods raise it, too,
            when the database is locked for too long, or fails.
    """

    def folder(self, run_id: str) -> Path:
        """Where the run's files are: metrics, snapshots, saved state, log, checkpoint."""
        return self.settings.runs_dir / run_id

    # -- asking for runs ------------------------------------------------------------------------------

    def create(
        self,
        recipe: Recipe,
        worker: str | None = None,
        *,
        owner: str | None = None,
        name: str | None = None,
        origin: tuple[str, int] | None = None,
    ) -> str:
        """Put a run of ``recipe`` into the queue and return its id.

        ``owner`` is a random name of the person who asks: people's runs take turns. With ``origin``, a run
        and one of the steps of :func:`cnnviz.training.records.snapshots.available`, the new run goes on from that
        snapshot. With ``worker`` it passes the queue by and is claimed by that worker of this process.
        """
        values: dict[str, Any] = {
            "id": new_run_id(),
            "recipe": recipe.to_dict(),
            "created_at": time.time(),
            "owner": owner,
            "name": name,
        }
        if origin is not None:
            values |= {"origin": origin[0], "origin_step": origin[1]}
        with self._database.writing() as connection:
            values |= queued(connection)
            if worker is not None:
                values |= {"status": Status.STARTING, "worker": worker, **self._lease(), **this_process()}
            connection.execute(runs.insert().values(**values))
        return str(values["id"])

    def get(self, run_id: str) -> Run:
        """The run as it is now.

        Raises:
            UnknownKeyError: there is none of that id.
        """
        with self._database.reading() as connection:
            return _get(connection, run_id)

    def list(self, limit: int | None = None, *, deleted: bool = False) -> Sequence[Run]:
        """The newest ``limit`` runs, or all, newest first; with ``deleted`` those that can be restored."""
        wanted = runs.c.deleted_at.is_not(None) if deleted else runs.c.deleted_at.is_(None)
        newest = sa.select(runs).where(wanted).order_by(runs.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return [as_run(row) for row in connection.execute(newest).mappings()]

    def epochs(self, run_id: str) -> Sequence[EpochMetrics]:
        """The figures of the run's finished epochs, in order."""
        columns = [epochs.c[field.name] for field in dataclasses.fields(EpochMetrics)]
        chosen = sa.select(*columns).where(epochs.c.run_id == run_id).order_by(epochs.c.epoch)
        with self._database.reading() as connection:
            return [EpochMetrics(**row) for row in connection.execute(chosen).mappings()]

    # -- steering -------------------------------------------------------------------------------------

    def request_stop(self, run_id: str) -> None:
        """Ask for the end of a run: one that nobody works on is stopped at once, any other soon."""
        with self._database.writing() as connection:
            run = _get(connection, run_id)
            if run.is_open and run.worker is None and run.status != Status.STARTING:
                reason = message_to_json(_WHY_STOPPED[run.status])
                end = {"status": Status.STOPPED, "reason": reason, "ended_at": time.time()}
                connection.execute(runs.update().where(runs.c.id == run_id).values(**end))
            else:
                ask(connection, run_id, Command(Kind.STOP))

    def stop_group(self, group_id: str) -> None:
        """:meth:`request_stop` for all runs of a group, the last first, so that none begins meanwhile."""
        for run in reversed(self.group(group_id)):
            if run.is_open:
                self.request_stop(run.id)

    def request_pause(self, run_id: str) -> None:
        """Ask a run to wait before its next step; one that queues leaves the queue at once."""
        with self._database.writing() as connection:
            run = _get(connection, run_id)
            if run.status == Status.QUEUED:
                paused = {"status": Status.PAUSED, "paused_at": time.time()}
                connection.execute(runs.update().where(runs.c.id == run_id).values(**paused))
            elif run.is_open:
                ask(connection, run_id, Command(Kind.PAUSE))

    def request_step(self, run_id: str) -> None:
        """Ask a run for one single step, after which it is paused; where it has no worker, it queues for that.

        Raises:
            UsageError: the run is over.
        """
        with self._database.writing() as connection:
            run = _get(connection, run_id)
            if not run.is_open:
                raise _over(run)
            ask(connection, run_id, Command(Kind.STEP))
            if run.status == Status.PAUSED and run.worker is None:
                connection.execute(runs.update().where(runs.c.id == run_id).values(**queued(connection)))

    def request_learning_rate(self, run_id: str, rate: float) -> None:
        """Ask a run to go on with another learning rate; its schedule goes on from there. A run that can be
        resumed hears of it when it is.

        Raises:
            UsageError: the rate is out of its range, or the run is finished.
        """
        check_field("learning_rate", rate)
        with self._database.writing() as connection:
            run = _get(connection, run_id)
            if run.status == Status.FINISHED:
                raise _over(run)
            ask(connection, run_id, Command(Kind.RATE, rate))

    def resume(self, run_id: str) -> None:
        """Let a paused, stopped, interrupted or failed run go on from its last saved state.

        A paused run whose worker still holds it goes on soon; any other queues again. Then call
        :func:`cnnviz.training.worker.executor.start_queued`.

        Raises:
            UsageError: the run is finished, or goes on already.
        """
        with self._database.writing() as connection:
            run = _get(connection, run_id)
            if run.status not in RESUMABLE or run.deleted_at is not None:
                raise _over(run)
            if run.status == Status.PAUSED and run.worker is not None:
                ask(connection, run_id, Command(Kind.RESUME))
                return
            old = (Kind.STOP, Kind.PAUSE, Kind.STEP, Kind.RESUME)
            connection.execute(commands.delete().where(commands.c.run_id == run_id, commands.c.kind.in_(old)))
            connection.execute(runs.update().where(runs.c.id == run_id).values(**queued(connection)))

    def requested(self, run_id: str) -> Sequence[Kind]:
        """What was asked of the run and its worker has not heard of yet, and a stop even if it has."""
        asked = sa.select(commands.c.kind).where(commands.c.run_id == run_id).order_by(commands.c.number)
        with self._database.reading() as connection:
            return [Kind(kind) for kind in connection.execute(asked).scalars()]

    # -- order in one's runs --------------------------------------------------------------------------

    def describe(self, run_id: str, name: str | None, note: str | None) -> None:
        """Give the run a name (one line, up to 200 characters) and a note; None or an empty text takes it away."""
        line = " ".join((name or "").split())[:200] or None
        with self._database.writing() as connection:
            _get(connection, run_id)
            values = {"name": line, "note": (note or "").strip() or None}
            connection.execute(runs.update().where(runs.c.id == run_id).values(**values))


_WHY_STOPPED = {
    Status.QUEUED: Message("It was stopped while it waited in the queue."),
    Status.PAUSED: STOPPED_WHILE_PAUSED,
}


def _get(connection: Connection, run_id: str) -> Run:
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        newest = sa.select(runs.c.id).order_by(runs.c.number.desc()).limit(5)
        raise UnknownKeyError(Message("The run"), run_id, connection.execute(newest).scalars())
    return as_run(row)


def _over(run: Run) -> UsageError:
    if run.status in OPEN:
        return UsageError(Message("The run {id} goes on already.", id=run.id))
    return UsageError(
        Message("The run {id} is {status}: start a new one.", id=run.id, status=describe(run.status))
    )


@lru_cache(maxsize=4)
def _opened(configuration: Settings) -> RunStore:
    return RunStore(configuration)


def open_store(configuration: Settings | None = None) -> RunStore:
    """The process's run store for these settings (by default those in force); opened once."""
    return _opened(configuration or settings())
