"""What the run store says: every run that was ever asked for, its state, and what was asked of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.settings import Settings
from cnnviz.storage.opening import storage_at
from cnnviz.storage.storage import Edition
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store import queries
from cnnviz.training.store.database import Database, commands, runs
from cnnviz.training.store.runs import Kind, Run, Status, host


@dataclass(frozen=True)
class RunState:
    """A run, and what belongs to it, at one moment; see the methods of :class:`RunReader` of these names."""

    run: Run
    epochs: tuple[EpochMetrics, ...]
    requested: tuple[Kind, ...]
    queue_position: int | None
    queue_moves: bool


class RunReader:
    """The half of :class:`cnnviz.training.store.store.RunStore` that reads; see there."""

    def __init__(self, configuration: Settings, patience: float = 5.0) -> None:
        self.settings = configuration
        self.storage = storage_at(configuration.runs_dir, configuration.runs_url)
        self._database = Database(configuration.database_url, patience)

    def close(self) -> None:
        """Close the database; the object is of no use afterwards."""
        self._database.close()

    @property
    def written(self) -> object:
        """Another object after whatever is written through this store; see :class:`PolledStore`."""
        return self._database.written

    def folder(self, run_id: str) -> Path:
        """Where a worker writes the run's files: metrics, snapshots, saved state, log, checkpoint."""
        return self.storage.folder(run_id)

    def file(self, run: Run, name: str) -> Path:
        """A file of the run, on this machine, as it is now or was a second ago.

        Raises:
            CnnvizError: where it is kept does not answer.
        """
        return self.storage.file(run.id, name, edition(run))

    def get(self, run_id: str) -> Run:
        """The run as it is now."""
        with self._database.reading() as connection:
            return queries.get(connection, run_id)

    def state(self, run_id: str) -> RunState:
        """All that a page shows of the run, of one moment."""
        with self._database.reading() as connection:
            run = queries.get(connection, run_id)
            is_queued = run.status == Status.QUEUED
            return RunState(
                run,
                tuple(queries.finished_epochs(connection, run_id)),
                tuple(queries.requested(connection, run_id)),
                queries.position(connection, run_id) if is_queued else None,
                queries.moves(connection, self.settings.max_workers, self.settings.cluster, host()),
            )

    def list(
        self,
        limit: int | None = None,
        *,
        skip: int = 0,
        owner: str | None = None,
        only_open: bool = False,
        deleted: bool = False,
    ) -> Sequence[Run]:
        """The newest ``limit`` runs, or all, newest first, after the first ``skip``.

        With ``owner`` those of this person, with ``only_open`` those that wait or are in progress, with ``deleted``
        those that can be restored.
        """
        return self._runs(*queries.chosen(owner, only_open, deleted), limit=limit, skip=skip)

    def count(self, *, owner: str | None = None, only_open: bool = False) -> int:
        """How many runs :meth:`list` has."""
        with self._database.reading() as connection:
            return queries.count(connection, owner, only_open)

    def with_checkpoint(self, most: int, named: Collection[str] = ()) -> Sequence[Run]:
        """The newest ``most`` runs that have a checkpoint, and those of the ``named`` that have one; the newest first."""
        found = self._runs(queries.deleted(False), runs.c.checkpoint.is_not(None), limit=most)
        missing = set(named) - {run.id for run in found}
        return [
            *found,
            *(
                self._runs(queries.deleted(False), runs.c.checkpoint.is_not(None), runs.c.id.in_(missing))
                if missing
                else ()
            ),
        ]

    def unfinished(self, most: int) -> Sequence[str]:
        """The ids of the newest ``most`` runs that have begun and have no checkpoint."""
        begun = (runs.c.started_at.is_not(None), runs.c.checkpoint.is_(None))
        return [run.id for run in self._runs(queries.deleted(False), *begun, limit=most)]

    def stored(self) -> Sequence[queries.Stored]:
        """All runs, deleted ones too, with what decides whether their files stay on the disk."""
        with self._database.reading() as connection:
            return queries.stored(connection)

    def group(self, group_id: str, *, deleted: bool = False) -> Sequence[Run]:
        """The group's runs in the order in which they were asked for; with ``deleted`` those that can be restored."""
        return self._runs(runs.c.group_id == group_id, queries.deleted(deleted))[::-1]

    def grouped(self, role: tuple[str, str], most: int, *, deleted: bool = False) -> Sequence[Run]:
        """The runs of the ``most`` newest groups in which a run's role has this name and value, the newest first; with
        ``deleted`` those that can be restored.
        """
        name, value = role
        theirs = (
            runs.c.group_id.is_not(None),
            runs.c.role[name].as_string() == value,
            queries.deleted(deleted),
        )
        newest = (
            sa.select(runs.c.group_id)
            .where(*theirs)
            .group_by(runs.c.group_id)
            .order_by(sa.func.max(runs.c.number).desc())
            .limit(most)
        )
        return self._runs(runs.c.group_id.in_(newest.scalar_subquery()), *theirs)

    def epochs(self, run_id: str) -> Sequence[EpochMetrics]:
        """The figures of the run's finished epochs, in order."""
        with self._database.reading() as connection:
            return queries.finished_epochs(connection, run_id)

    def epochs_of(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[EpochMetrics]]:
        """:meth:`epochs` of several runs."""
        with self._database.reading() as connection:
            return {run_id: queries.finished_epochs(connection, run_id) for run_id in run_ids}

    def requested(self, run_id: str) -> Sequence[Kind]:
        """What was asked of the run and its worker has not taken yet; a stop even if it has."""
        with self._database.reading() as connection:
            return queries.requested(connection, run_id)

    def is_stopping(self, run_ids: Sequence[str]) -> bool:
        """Whether somebody has asked one of these runs to stop."""
        asked = commands.c.run_id.in_(run_ids) & (commands.c.kind == Kind.STOP)
        with self._database.reading() as connection:
            return connection.execute(sa.select(commands.c.run_id).where(asked).limit(1)).first() is not None

    def queue_position(self, run_id: str) -> int | None:
        """The run's place in the queue, from 1; None where it does not wait.

        That is the order in which the runs start if nobody asks for another; see :meth:`take_next`.
        """
        with self._database.reading() as connection:
            return queries.position(connection, run_id)

    def queue_moves(self, max_workers: int, cluster: str | None = None) -> bool:
        """Whether there is something to do for the queue: a worker is gone, a run's turn has come (see :meth:`take_next`), or
        one waits for its job at the ``cluster``.
        """
        with self._database.reading() as connection:
            return queries.moves(connection, max_workers, cluster, host())

    def _runs(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None, skip: int = 0
    ) -> Sequence[Run]:
        """The runs for which all ``conditions`` hold, the newest first, after the first ``skip``."""
        newest = sa.select(runs).where(*conditions).order_by(runs.c.number.desc()).limit(limit)
        if skip:
            newest = newest.offset(skip)
        with self._database.reading() as connection:
            return [queries.as_run(row) for row in connection.execute(newest).mappings()]

    def _members(self, group_id: str, *, deleted: bool = False) -> Sequence[Run]:
        """:meth:`group`, where there is one; else UnknownKeyError."""
        members = self.group(group_id, deleted=deleted)
        if not members:
            raise UnknownKeyError(Message("group of runs"), group_id, ())
        return members


def edition(run: Run) -> Edition:
    """What a run's files are, as far as the database tells: whoever goes on with it makes others."""
    return Edition(f"{run.status} {run.attempts} {run.ended_at}", run.is_open)
