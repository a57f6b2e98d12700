"""Runs that belong together: asked for, stopped, deleted and brought back as one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Run, new_run_id
from cnnviz.training.store.store_base import as_run
from cnnviz.training.store.tables import runs
from cnnviz.training.store.trash import Bin
from cnnviz.training.worker.worker_api import queued


@dataclass(frozen=True)
class Member:
    """A run that is wanted in a group: its recipe, what it is called, and what it is among the others."""

    recipe: Recipe
    name: str
    role: Mapping[str, str]


class Groups(Bin):
    """The part of the store that handles several runs as one. Each is a run like any other besides."""

    def create_group(self, members: Sequence[Member], *, owner: str | None = None) -> str:
        """Put a run for each of the ``members`` into the queue, in this order, all or none.

        Returns:
            the group's id.
        """
        group_id = f"group-{new_run_id()}"
        with self._database.writing() as connection:
            for member in members:
                values = {
                    "id": new_run_id(),
                    "recipe": member.recipe.to_dict(),
                    "created_at": time.time(),
                    "owner": owner,
                    "name": member.name,
                    "group_id": group_id,
                    "role": dict(member.role),
                }
                connection.execute(runs.insert().values(**values, **queued(connection)))
        return group_id

    def group(self, group_id: str, *, deleted: bool = False) -> Sequence[Run]:
        """The group's runs in the order in which they were asked for; with ``deleted`` those that can be restored."""
        wanted = runs.c.deleted_at.is_not(None) if deleted else runs.c.deleted_at.is_(None)
        members = sa.select(runs).where(runs.c.group_id == group_id, wanted).order_by(runs.c.number)
        with self._database.reading() as connection:
            return [as_run(row) for row in connection.execute(members).mappings()]

    def grouped(self, *, deleted: bool = False) -> Sequence[Run]:
        """All runs that are in a group, the newest first; with ``deleted`` those that can be restored."""
        wanted = runs.c.deleted_at.is_not(None) if deleted else runs.c.deleted_at.is_(None)
        members = sa.select(runs).where(runs.c.group_id.is_not(None), wanted).order_by(runs.c.number.desc())
        with self._database.reading() as connection:
            return [as_run(row) for row in connection.execute(members).mappings()]

    def delete_group(self, group_id: str) -> None:
        """Delete all runs of a group; :meth:`restore_group` brings them back.

        Raises:
            UsageError: one of them is not over yet; then none is deleted.
            UnknownKeyError: there is no such group.
            StorageError: a folder cannot be moved.
        """
        members = self.group(group_id)
        if not members:
            raise UnknownKeyError(Message("The group of runs"), group_id, ())
        if any(run.is_open for run in members):
            raise UsageError(Message("Not all runs of {id} are over yet: stop them first.", id=group_id))
        for run in members:
            self.delete(run.id)

    def restore_group(self, group_id: str) -> None:
        """Bring the deleted runs of a group back.

        Raises:
            UnknownKeyError: none is left.
            StorageError: a folder cannot be moved.
        """
        gone = self.group(group_id, deleted=True)
        if not gone:
            raise UnknownKeyError(Message("The group of runs"), group_id, ())
        for run in gone:
            self.restore(run.id)
