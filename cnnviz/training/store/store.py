"""The run store: every run that was ever asked for, its state, and who works on it.

Several servers, workers and terminals use one store at once. Whoever changes a run's state does so in
one transaction that excludes all others, and only from the state that it expects; so a run has one
worker, and a worker that has lost its run can no longer change it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.fields import check_field
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store import queries
from cnnviz.training.store.database import commands, epochs, runs
from cnnviz.training.store.reading import RunReader
from cnnviz.training.store.runs import (
    MOST_ATTEMPTS,
    OPEN,
    RESUMABLE,
    START_SECONDS,
    WATCHED,
    Command,
    Kind,
    Member,
    Run,
    Status,
    Watched,
    describe,
    host,
    lease,
    message_to_json,
    new_run_id,
    processor_seconds,
    this_process,
    why_gone,
)

Admit = Callable[[int], object]
"""Is told, before a run is queued, how many of its owner's runs train or wait with it; an error of its own keeps the run
out. Nobody else queues one meanwhile.
"""


KEEP_SECONDS = 7 * 24 * 3600.0
"""So long a deleted run can be restored."""

PUT_ASIDE, BROUGHT_BACK = "put-aside", "brought-back"
"""Marks of a run: it was deleted to make room; somebody has restored it, so that it stays."""
_WHY_STOPPED = {
    Status.QUEUED: Message("The run was stopped while queued."),
    Status.PAUSED: queries.STOPPED_WHILE_PAUSED,
}


class RunStore(RunReader):
    """The runs below ``settings.runs_dir``, in the database ``settings.database_url``.

    ``patience`` is how many seconds to wait for another process that holds the database. Objects may be
    used from several threads.

    Raises:
        StoreError: the database cannot be opened or is of a newer version; all methods raise it, too,
            when the database is locked for too long, or fails.
        UnknownKeyError: of a method, there is no run or group of that id.
        StorageError: of a method that deletes or restores, a folder cannot be moved.
    """

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other block of this kind goes on meanwhile, and nobody writes, in any process that uses the same database.

        It is for what takes milliseconds.
        """
        with self._database.writing():
            yield

    # -- asking for runs ------------------------------------------------------------------------------

    def create(
        self,
        recipe: Recipe,
        worker: str | None = None,
        *,
        owner: str | None = None,
        name: str | None = None,
        origin: tuple[str, int] | None = None,
        admit: Admit | None = None,
    ) -> str:
        """Put a run of ``recipe`` into the queue, if ``admit`` has nothing against it, and return its id.

        ``owner`` is a random name of the person who asks: people's runs take turns. With ``origin``, a run
        and one of the steps of :func:`cnnviz.training.records.snapshots.available`, the new run continues from
        that snapshot. With ``worker`` it skips the queue and is claimed by that worker of this process.
        """
        values: dict[str, Any] = {"owner": owner, "name": name}
        if origin is not None:
            values |= {"origin": origin[0], "origin_step": origin[1]}
        if worker is not None:
            values |= self._claim(worker)
        with self._database.writing() as connection:
            run_id = _insert(connection, recipe.to_dict(), **values)
            _ask_leave(connection, owner, admit)
            return run_id

    def create_watched(self, watched: Watched, worker: str, name: str | None = None) -> str:
        """Begin a run that ``worker``, a thread of this very process, records while somebody's own program trains the
        network; returns its id. Nobody else can pause, stop or resume it, and it takes no worker's place.
        """
        started = {"status": Status.RUNNING, "started_at": time.time(), "name": queries.one_line(name)}
        recipe = {WATCHED: dataclasses.asdict(watched)}
        with self._database.writing() as connection:
            return _insert(connection, recipe, **{**self._claim(worker), **started})

    def create_group(
        self, members: Sequence[Member], *, owner: str | None = None, admit: Admit | None = None
    ) -> str:
        """Put a run for each of the ``members`` into the queue, in this order, all or none; see :meth:`create`.

        Returns:
            the group's id.
        """
        group_id = f"group-{new_run_id()}"
        with self._database.writing() as connection:
            for member in members:
                facts = {"name": member.name, "role": dict(member.role)}
                _insert(connection, member.recipe.to_dict(), owner=owner, group_id=group_id, **facts)
            _ask_leave(connection, owner, admit)
        return group_id

    # -- what people ask of a run ---------------------------------------------------------------------

    def request_stop(self, run_id: str) -> None:
        """Ask a run to stop: one without a worker stops at once, any other soon."""
        with self._database.writing() as connection:
            run = queries.steered(connection, run_id)
            if run.is_open and run.worker is None and run.status != Status.STARTING:
                queries.change(connection, run_id, **queries.ended(Status.STOPPED, _WHY_STOPPED[run.status]))
            else:
                queries.ask(connection, run_id, Command(Kind.STOP))

    def stop_group(self, group_id: str) -> None:
        """:meth:`request_stop` for all runs of a group, the last first, so that none begins meanwhile."""
        for run in reversed(self.group(group_id)):
            if run.is_open:
                self.request_stop(run.id)

    def request_pause(self, run_id: str) -> None:
        """Ask a run to wait before its next step; one that queues leaves the queue at once."""
        with self._database.writing() as connection:
            run = queries.steered(connection, run_id)
            if run.status == Status.QUEUED:
                queries.change(connection, run_id, status=Status.PAUSED, paused_at=time.time())
            elif run.is_open:
                queries.ask(connection, run_id, Command(Kind.PAUSE))

    def request_step(self, run_id: str) -> None:
        """Ask a run for one single step, after which it is paused; where it has no worker, it queues for that.

        Raises:
            UsageError: the run is over.
        """
        with self._database.writing() as connection:
            run = queries.steered(connection, run_id)
            if not run.is_open:
                raise _over(run)
            queries.ask(connection, run_id, Command(Kind.STEP))
            if run.status == Status.PAUSED and run.worker is None:
                queries.change(connection, run_id, **queries.queued(connection))

    def request_learning_rate(self, run_id: str, rate: float) -> None:
        """Ask a run to continue with another learning rate, from which its schedule continues. A run that
        has to be resumed first takes it then.

        Raises:
            UsageError: the rate is out of its range, or the run is finished.
        """
        check_field("learning_rate", rate)
        with self._database.writing() as connection:
            run = queries.steered(connection, run_id)
            if run.status == Status.FINISHED:
                raise _over(run)
            queries.ask(connection, run_id, Command(Kind.RATE, rate))

    def resume(self, *run_ids: str, admit: Admit | None = None) -> None:
        """Resume paused, stopped, interrupted or failed runs of one person from their last saved states, all or none,
        if ``admit`` has nothing against it.

        A paused run whose worker still holds it continues soon; any other rejoins the queue. Then call
        :func:`cnnviz.training.worker.dispatching.start_queued`.

        Raises:
            UsageError: a run is finished, or goes on already.
        """
        with self._database.writing() as connection:
            for run_id in run_ids:
                run = queries.steered(connection, run_id)
                was_over = not run.is_open
                _resume(connection, run)
                if was_over:  # any other counts already
                    _ask_leave(connection, run.owner, admit)

    def describe(self, run_id: str, name: str | None, note: str | None) -> None:
        """Give the run a name (one line, up to 200 characters) and a note; None or an empty text removes it."""
        with self._database.writing() as connection:
            queries.get(connection, run_id)
            queries.change(connection, run_id, name=queries.one_line(name), note=(note or "").strip() or None)

    # -- the queue ------------------------------------------------------------------------------------

    def take_next(self, max_workers: int, cluster: str | None = None) -> str | None:
        """The id of the run whose turn it is, now ``starting``; None where nothing waits, or where this machine (or the
        ``cluster``) already works on ``max_workers`` runs.

        People take turns: it is that of whoever has the fewest runs that are worked on, and of these of the
        one whose last run was taken the longest ago. A person's own runs keep their order.
        """
        with self._database.reading() as connection:  # mostly there is nothing to take, and it is asked often
            if not queries.has_room(connection, max_workers, cluster, host()):
                return None
        with self._database.writing() as connection:
            if not queries.has_room(connection, max_workers, cluster, host()):
                return None
            waiting = queries.waiting_in_order(connection)
            term = lease(START_SECONDS)
            taken = int(connection.execute(sa.select(sa.func.max(runs.c.taken))).scalar() or 0) + 1
            started = {
                "status": Status.STARTING,
                "host": host() if cluster is None else None,
                "taken": taken,
                "starts": sa.func.coalesce(runs.c.starts, 0) + 1,
                "executor": cluster,
                "attempts": sa.func.coalesce(runs.c.attempts, 0) + 1,
                **term,
            }
            queries.change(connection, waiting[0], **started)
            return waiting[0]

    def note_pid(self, run_id: str, pid: int) -> None:
        """Remember the process that was started for a run, so that its death before the claim shows, and how much
        of the processor's time it has had up to now: it may have stood by for long.
        """
        used = processor_seconds(pid)
        with self._database.writing() as connection:
            queries.change(connection, run_id, queries.unclaimed(), pid=pid, start_used=used)

    def fail_start(self, run_id: str, reason: Message) -> None:
        """Mark a run for which no worker could be started as failed."""
        with self._database.writing() as connection:
            queries.change(connection, run_id, queries.unclaimed(), **queries.ended(Status.FAILED, reason))

    def unclaimed(self, cluster: str) -> Sequence[tuple[Run, bool]]:
        """The runs for which a worker was asked for at this cluster and has not begun; each with whether it shall stop."""
        found = self._runs(queries.unclaimed() & (runs.c.executor == cluster))
        with self._database.reading() as connection:
            return [(run, queries.is_unwanted(connection, run.id)) for run in found]

    def note_waits(self, run: Run, why: Message) -> None:
        """Note why the worker of a run, as it was read, has not begun yet; it has time again."""
        with self._database.writing() as connection:
            values = {"waits": message_to_json(why), **lease(START_SECONDS)}
            queries.change(connection, run.id, queries.unclaimed(), queries.unchanged(run), **values)

    def not_begun(self, run: Run, reason: Message) -> None:
        """The worker of a run, as it was read, will not begin: it queues again, stops or is given up, see
        :func:`cnnviz.training.store.queries.not_begun`.
        """
        with self._database.writing() as connection:
            _interrupt(connection, run, reason)

    def put_back(self, run_id: str, why: Message) -> None:
        """Put a starting run back to its place in the queue, as no worker can be asked for now."""
        with self._database.writing() as connection:
            again = {**queries.NOBODY, "status": Status.QUEUED, "waits": message_to_json(why)}
            fewer = {"starts": runs.c.starts - 1, "attempts": runs.c.attempts - 1}
            queries.change(connection, run_id, queries.unclaimed(), **again, **fewer)

    def reap(self) -> Sequence[str]:
        """The ids of :meth:`interrupt_lost`."""
        return [run.id for run in self.interrupt_lost()]

    def interrupt_lost(self) -> Sequence[Run]:
        """Mark runs whose worker is gone as interrupted, paused ones as :func:`cnnviz.training.store.queries.left`;
        one whose worker never began as :func:`cnnviz.training.store.queries.not_begun`. Returns them as they were before.

        A worker is gone when its lease ran out, or when it was a process of this machine that is dead.
        """
        active = reversed(self._runs(queries.held()))  # whoever waited the longest rejoins the queue first
        gone = [(run, reason) for run in active if (reason := why_gone(run)) is not None]
        if not gone:
            return []
        with self._database.writing() as connection:
            return [run for run, reason in gone if _interrupt(connection, run, reason)]

    # -- what workers say and hear ---------------------------------------------------------------------
    # Each method that changes a run takes the worker's own name, and returns False, and changes nothing,
    # where the run is no longer that worker's.

    def claim(self, run_id: str, worker: str) -> bool:
        """Make ``worker`` (a name unique to it) the one that works on a waiting or starting run.

        Returns:
            whether it is; False where another one was faster, or where the run is over.
        """
        free = runs.c.status.in_((Status.QUEUED, Status.STARTING)) & runs.c.worker.is_(None)
        with self._database.writing() as connection:
            return queries.change(connection, run_id, free, **self._claim(worker))

    def begin(
        self, run_id: str, worker: str, total_steps: int, finished: Sequence[EpochMetrics] = ()
    ) -> bool:
        """The claimed run's training begins, or is resumed after the epochs in ``finished``."""
        started = {"status": Status.RUNNING, "started_at": sa.func.coalesce(runs.c.started_at, time.time())}
        facts = {"total_steps": total_steps, "ended_at": None, "reason": None}
        with self._database.writing() as connection:
            if not queries.change(connection, run_id, queries.owned(worker), **started, **facts):
                return False
            connection.execute(epochs.delete().where(epochs.c.run_id == run_id))
            for figures in finished:
                connection.execute(epochs.insert().values(run_id=run_id, **dataclasses.asdict(figures)))
            return True

    def renew(self, run_id: str, worker: str, epoch: int, step: int) -> bool:
        """Renew the lease and note how far the run has come."""
        return self._change(run_id, worker, epoch=epoch, step=step, **lease(self.settings.lease_seconds))

    def take_commands(self, run_id: str) -> Sequence[Command]:
        """What people have asked of the run since the last call, in order. A stop is not forgotten by it, so
        that everybody sees that it was asked for.
        """
        kinds = set(self.requested(run_id))  # mostly there is nothing, and it is asked often
        if kinds <= {Kind.STOP}:
            return [Command(kind) for kind in kinds]
        asked = commands.c.run_id == run_id
        with self._database.writing() as connection:
            rows = connection.execute(
                sa.select(commands.c.kind, commands.c.value).where(asked).order_by(commands.c.number)
            ).all()
            connection.execute(commands.delete().where(asked, commands.c.kind != Kind.STOP))
        return [Command(Kind(kind), value) for kind, value in rows]

    def pause(self, run_id: str, worker: str, epoch: int, step: int) -> bool:
        """The worker pauses the run at this step, and waits."""
        paused = {"status": Status.PAUSED, "paused_at": time.time()}
        return self._change(run_id, worker, epoch=epoch, step=step, **paused)

    def proceed(self, run_id: str, worker: str) -> bool:
        """The worker resumes the run that it had paused."""
        return self._change(run_id, worker, status=Status.RUNNING, paused_at=None)

    def give_up_place(
        self, run_id: str, worker: str, unheard: Sequence[Command] = (), **facts: object
    ) -> bool:
        """The worker leaves the paused run, which takes up no place until somebody resumes it; see
        :func:`cnnviz.training.store.queries.left`. ``unheard`` are requests that the worker took and did not
        follow, ``facts`` further columns.
        """
        with self._database.writing() as connection:
            for command in unheard:
                queries.ask(connection, run_id, command)
            values = {**queries.left(connection, run_id), **facts}
            return queries.change(connection, run_id, queries.owned(worker), **values)

    def add_epoch(self, run_id: str, worker: str, figures: EpochMetrics) -> bool:
        """Note a finished epoch; its test accuracy becomes the run's."""
        known = {"test_accuracy": figures.test_accuracy}
        with self._database.writing() as connection:
            if not queries.change(connection, run_id, queries.owned(worker), **known):
                return False
            connection.execute(epochs.insert().values(run_id=run_id, **dataclasses.asdict(figures)))
        return True

    def finish(
        self, run_id: str, worker: str, status: Status, reason: Message | None = None, **facts: object
    ) -> bool:
        """End the run with a status and, where there is something to say, the reason.

        ``facts`` are further columns: epoch, step, test_accuracy, checkpoint.
        """
        return self._change(run_id, worker, **queries.ended(status, reason), **facts)

    # -- the trash ------------------------------------------------------------------------------------
    # A deleted run's files are put aside first, so that nobody finds its checkpoint, and are removed with
    # its rows in the database when it is purged.

    def delete(self, run_id: str, to_make_room: bool = False) -> None:
        """Take the run out of all lists; :meth:`restore` brings it back within :data:`KEEP_SECONDS`, unless its room is
        needed; ``to_make_room`` says that no person wanted it.

        Raises:
            UsageError: it is not over yet.
        """
        with self._database.writing() as connection:
            over = runs.c.status.not_in(OPEN)
            if not queries.change(connection, run_id, over, deleted_at=time.time()):
                queries.get(connection, run_id)
                raise UsageError(Message("Run {id} is not over yet: stop it first.", id=run_id))
            self.storage.put_aside(run_id)
        if to_make_room:
            self.storage.mark(run_id, PUT_ASIDE)

    def restore(self, run_id: str) -> None:
        """Bring a deleted run back with all its files."""
        was_put_aside = self.storage.is_marked(run_id, PUT_ASIDE)  # no person has deleted it
        with self._database.writing() as connection:
            if not queries.change(connection, run_id, deleted_at=None):
                raise UnknownKeyError(Message("run"), run_id, ())
            self.storage.bring_back(run_id)
        if was_put_aside:
            self.storage.mark(run_id, BROUGHT_BACK)
            self.storage.unmark(run_id, PUT_ASIDE)

    def delete_group(self, group_id: str) -> None:
        """Delete all runs of a group; :meth:`restore_group` brings them back.

        Raises:
            UsageError: one of them is not over yet; then none is deleted.
        """
        members = self._members(group_id)
        if any(run.is_open for run in members):
            raise UsageError(Message("Some runs of {id} are still going: stop them first.", id=group_id))
        for run in members:
            self.delete(run.id)

    def restore_group(self, group_id: str) -> None:
        """Bring the deleted runs of a group back."""
        for run in self._members(group_id, deleted=True):
            self.restore(run.id)

    def purge(self, keep_seconds: float = KEEP_SECONDS) -> None:
        """Remove for good what was deleted longer than ``keep_seconds`` ago."""
        old = sa.select(runs.c.id).where(runs.c.deleted_at < time.time() - keep_seconds)
        with self._database.reading() as connection:
            gone = connection.execute(old).scalars().all()
        if gone:
            self.remove(gone)

    def remove(self, run_ids: Sequence[str]) -> None:
        """Remove deleted runs for good."""
        chosen = runs.c.id.in_(run_ids) & queries.deleted()
        for run_id in run_ids[
            :1
        ]:  # where files are kept must answer: once the rows are gone, nobody knows of them
            self.storage.size(run_id)
        with self._database.writing() as connection:
            gone = connection.execute(sa.select(runs.c.id).where(chosen)).scalars().all()
            for table in (commands, epochs):
                connection.execute(table.delete().where(table.c.run_id.in_(gone)))
            connection.execute(runs.delete().where(runs.c.id.in_(gone)))
        for run_id in gone:
            self.storage.remove(run_id)

    # -- what several of these do ---------------------------------------------------------------------

    def _change(self, run_id: str, worker: str, **values: object) -> bool:
        """Change a run while it is the worker's; whether it is."""
        with self._database.writing() as connection:
            return queries.change(connection, run_id, queries.owned(worker), **values)

    def _claim(self, worker: str) -> dict[str, Any]:
        """The columns of a run that a worker of this process claims now."""
        term = lease(self.settings.lease_seconds)
        return {
            "status": Status.STARTING,
            "worker": worker,
            "starts": 0,
            "waits": None,
            **term,
            **this_process(),
        }


def _insert(connection: Connection, recipe: Mapping[str, Any], **values: object) -> str:
    """Put a new run behind all others; ``values`` are further columns. Returns its id."""
    run_id = new_run_id()
    facts = {"id": run_id, "recipe": recipe, "created_at": time.time()}
    connection.execute(runs.insert().values(**{**facts, **queries.queued(connection), **values}))
    return run_id


def _ask_leave(connection: Connection, owner: str | None, admit: Admit | None) -> None:
    """Let ``admit`` refuse what was just queued: its error undoes the transaction."""
    if admit is not None:
        admit(queries.count(connection, owner, only_open=True))


def _resume(connection: Connection, run: Run) -> None:
    if run.status not in RESUMABLE or run.deleted_at is not None:
        raise _over(run)
    if run.status == Status.PAUSED and run.worker is not None:
        queries.ask(connection, run.id, Command(Kind.RESUME))
        return
    old = (commands.c.run_id == run.id) & (commands.c.kind != Kind.RATE)
    connection.execute(commands.delete().where(old))
    queries.change(connection, run.id, **queries.queued(connection))


def _interrupt(connection: Connection, run: Run, reason: Message) -> bool:
    """Take ``run`` from its worker, unless it was renewed, claimed or ended since it was read."""
    end = queries.ended(Status.INTERRUPTED, reason)
    if run.status == Status.PAUSED:  # its state was saved when it paused
        end = queries.left(connection, run.id)
    elif run.worker is None:
        end = queries.not_begun(connection, run, reason)
    elif run.executor is not None and (run.attempts or 0) < MOST_ATTEMPTS:
        end = queries.queued_again(reason)  # elsewhere, from its last state
    return queries.change(connection, run.id, queries.unchanged(run), **end)


def _over(run: Run) -> UsageError:
    if run.status in OPEN:
        return UsageError(Message("Run {id} is already going again.", id=run.id))
    return UsageError(
        Message("Run {id} is {status}: start a new one.", id=run.id, status=describe(run.status))
    )


@lru_cache(maxsize=4)
def _opened(configuration: Settings) -> RunStore:
    return RunStore(configuration)


def open_store(configuration: Settings | None = None) -> RunStore:
    """The process's run store for these settings (by default those in force); opened once."""
    return _opened(configuration or settings())
