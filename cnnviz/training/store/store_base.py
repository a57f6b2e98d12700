"""What all parts of the run store share: the database, and how a run is read and changed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from cnnviz.settings import Settings
from cnnviz.training.store import schema
from cnnviz.training.store.leases import lease
from cnnviz.training.store.runs import HELD, Run, Status, message_from_json
from cnnviz.training.store.tables import runs


class StoreBase:
    """The runs in the database ``configuration.database_url``; see :class:`cnnviz.training.store.store.RunStore`."""

    def __init__(self, configuration: Settings, patience: float = 5.0) -> None:
        self.settings = configuration
        self._database = schema.Database(configuration.database_url, patience)

    def close(self) -> None:
        """Close the database; the object is of no use afterwards."""
        self._database.close()

    def _any(self, condition: sa.ColumnElement[bool]) -> bool:
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.literal(1)).where(condition).limit(1)).first() is not None

    def _change(self, run_id: str, worker: str, **values: object) -> bool:
        """Change a run while it is the worker's; whether it is."""
        with self._database.writing() as connection:
            return connection.execute(owned(run_id, worker).values(**values)).rowcount == 1

    def _lease(self) -> dict[str, Any]:
        return lease(self.settings.lease_seconds)


NOBODY: dict[str, Any] = dict.fromkeys(("worker", "host", "pid", "lease_until", "lease_ticks"))
"""The columns of a run that nobody works on."""


def owned(run_id: str, worker: str) -> sa.Update:
    """A change of the run that only takes place while it is the worker's."""
    return runs.update().where(runs.c.id == run_id, runs.c.worker == worker, runs.c.status.in_(HELD))


def unclaimed(run_id: str) -> sa.Update:
    """A change of the run that only takes place while it starts and no worker has claimed it."""
    return runs.update().where(runs.c.id == run_id, runs.c.status == Status.STARTING, runs.c.worker.is_(None))


def held() -> sa.ColumnElement[bool]:
    """Whether a run takes a place: somebody works on it, or is being started for it."""
    return runs.c.status.in_(HELD) & (runs.c.worker.is_not(None) | (runs.c.status == Status.STARTING))


def last_turn(connection: Connection) -> int:
    """The last place that the queue has given out."""
    return int(connection.execute(sa.select(sa.func.max(place()))).scalar() or 0)


def place() -> sa.ColumnElement[int]:
    """A run's place in the queue; runs of a cnnviz that did not know of turns are in the order of their numbers."""
    return sa.func.coalesce(runs.c.turn, runs.c.number)


def as_run(row: RowMapping) -> Run:
    """The run in a row of the table."""
    return Run(**{**row, "status": Status(row["status"]), "reason": message_from_json(row["reason"])})
