"""Runs that were deleted, and can be brought back for a while."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

import sqlalchemy as sa

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.training.store.runs import OPEN
from cnnviz.training.store.store_base import StoreBase
from cnnviz.training.store.tables import commands, epochs, runs

KEEP_SECONDS = 7 * 24 * 3600.0
_FOLDER = ".deleted"


class Bin(StoreBase):
    """The part of the store that deletes runs. Their files are put aside first, so that nobody finds their
    checkpoints, and are removed with the rows of the database when nobody wants them back any more.
    """

    def delete(self, run_id: str) -> None:
        """Take the run out of all lists; :meth:`restore` brings it back within :data:`KEEP_SECONDS`.

        Raises:
            UsageError: it is not over yet.
            UnknownKeyError: there is none of that id.
            StorageError: its folder cannot be moved.
        """
        with self._database.writing() as connection:
            over = runs.update().where(runs.c.id == run_id, runs.c.status.not_in(OPEN))
            if connection.execute(over.values(deleted_at=time.time())).rowcount == 0:
                self._refuse(connection, run_id)
            _move(self.settings.runs_dir / run_id, self._aside(run_id))

    def restore(self, run_id: str) -> None:
        """Bring a deleted run back with all its files.

        Raises:
            UnknownKeyError: there is none of that id, or it is gone for good.
            StorageError: its folder cannot be moved.
        """
        with self._database.writing() as connection:
            back = runs.update().where(runs.c.id == run_id).values(deleted_at=None)
            if connection.execute(back).rowcount == 0:
                raise UnknownKeyError(Message("The run"), run_id, ())
            _move(self._aside(run_id), self.settings.runs_dir / run_id)

    def purge(self, keep_seconds: float = KEEP_SECONDS) -> None:
        """Remove for good what was deleted longer than ``keep_seconds`` ago."""
        old = runs.c.deleted_at < time.time() - keep_seconds
        with self._database.reading() as connection:
            gone = list(connection.execute(sa.select(runs.c.id).where(old)).scalars())
        if not gone:
            return
        with self._database.writing() as connection:
            gone = list(connection.execute(sa.select(runs.c.id).where(old)).scalars())
            for table in (commands, epochs):
                connection.execute(table.delete().where(table.c.run_id.in_(gone)))
            connection.execute(runs.delete().where(runs.c.id.in_(gone)))
        for run_id in gone:
            for folder in (self._aside(run_id), self.settings.runs_dir / run_id):
                shutil.rmtree(folder, ignore_errors=True)

    def _aside(self, run_id: str) -> Path:
        return self.settings.runs_dir / _FOLDER / run_id

    def _refuse(self, connection: sa.Connection, run_id: str) -> None:
        if connection.execute(sa.select(runs.c.id).where(runs.c.id == run_id)).first() is None:
            raise UnknownKeyError(Message("The run"), run_id, ())
        raise UsageError(Message("The run {id} is not over yet: stop it first.", id=run_id))


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # a run that never began has no folder
            source.rename(target)
    except OSError as error:
        raise StorageError(target, error) from error
