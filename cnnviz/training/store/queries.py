"""The pieces of SQL that the run store is made of: whose a run is, its turn in the queue, and what was asked of it."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.database import commands, epochs, runs
from cnnviz.training.store.runs import (
    HELD,
    MOST_STARTS,
    OPEN,
    WATCHED,
    Command,
    Kind,
    Run,
    Status,
    message_from_json,
    message_to_json,
    why_gone,
)

STOPPED_WHILE_PAUSED = Message("The run was stopped while paused.")

NOBODY: dict[str, Any] = dict.fromkeys(("worker", "host", "pid", "lease_until", "lease_ticks"))
"""The columns of a run that nobody works on."""


def as_run(row: RowMapping) -> Run:
    """The run in a row of the table."""
    messages = {name: message_from_json(row[name]) for name in ("reason", "waits")}
    return Run(**{**row, "status": Status(row["status"]), **messages})


def get(connection: Connection, run_id: str) -> Run:
    """The run as it is now.

    Raises:
        UnknownKeyError: there is none of that id.
    """
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        newest = sa.select(runs.c.id).order_by(runs.c.number.desc()).limit(5)
        raise UnknownKeyError(Message("run"), run_id, connection.execute(newest).scalars())
    return as_run(row)


def steered(connection: Connection, run_id: str) -> Run:
    """The run, if people can ask something of it.

    Raises:
        UsageError: somebody's own program trains it.
    """
    run = get(connection, run_id)
    if run.watched is not None:
        raise UsageError(
            Message(
                "Run {id} is trained by a program of its own ({program}): only there can it be paused, stopped or "
                "changed.",
                id=run.id,
                program=run.watched.program,
            )
        )
    return run


def one_line(name: str | None) -> str | None:
    """A run's name: one line, up to 200 characters; None where nothing is left."""
    return " ".join((name or "").split())[:200] or None


def change(
    connection: Connection, run_id: str, *conditions: sa.ColumnElement[bool], **values: object
) -> bool:
    """Change the columns of a run where all ``conditions`` hold; whether it was there and they did."""
    statement = runs.update().where(runs.c.id == run_id, *conditions).values(**values)
    return connection.execute(statement).rowcount == 1


def ended(status: Status, reason: Message | None = None) -> dict[str, Any]:
    """The columns of a run that ends now."""
    return {"status": status, "reason": message_to_json(reason), "ended_at": time.time()}


# -- whose a run is -----------------------------------------------------------------------------------


def held() -> sa.ColumnElement[bool]:
    """Whether somebody works on a run, or is being started for it."""
    return runs.c.status.in_(HELD) & (runs.c.worker.is_not(None) | (runs.c.status == Status.STARTING))


def takes_a_place() -> sa.ColumnElement[bool]:
    """Whether one of the workers that a machine may have is busy with a run: somebody's own program is none of them."""
    has_recipe: sa.ColumnElement[bool] = runs.c.recipe[(WATCHED, "network")].as_string().is_(None)
    return held() & has_recipe


def owned(worker: str) -> sa.ColumnElement[bool]:
    """Whether a run is this worker's."""
    return (runs.c.worker == worker) & runs.c.status.in_(HELD)


def unclaimed() -> sa.ColumnElement[bool]:
    """Whether a run is being started, and no worker has claimed it yet."""
    return (runs.c.status == Status.STARTING) & runs.c.worker.is_(None)


def works_at(cluster: str | None, machine: str) -> sa.ColumnElement[bool]:
    """Whether a run's worker was asked for at this cluster; None: on the ``machine`` itself."""
    if cluster is None:
        return (runs.c.host == machine) & runs.c.executor.is_(None)
    return runs.c.executor == cluster


def unchanged(run: Run) -> sa.ColumnElement[bool]:
    """Whether a run was neither renewed, nor claimed, nor ended since it was read."""
    return (
        held()
        & runs.c.worker.is_not_distinct_from(run.worker)
        & runs.c.lease_until.is_not_distinct_from(run.lease_until)
    )


def deleted(yes: bool = True) -> sa.ColumnElement[bool]:
    """Whether a run was deleted and can be restored; with ``yes`` false whether it was not."""
    return runs.c.deleted_at.is_not(None) if yes else runs.c.deleted_at.is_(None)


def chosen(owner: str | None, only_open: bool, is_deleted: bool = False) -> list[sa.ColumnElement[bool]]:
    """What holds for the runs that somebody wants to see."""
    conditions = [deleted(is_deleted)]
    if owner is not None:
        conditions.append(runs.c.owner == owner)
    if only_open:
        conditions.append(runs.c.status.in_(OPEN))
    return conditions


def count(connection: Connection, owner: str | None, only_open: bool) -> int:
    """How many runs there are of :func:`chosen`."""
    counted = sa.select(sa.func.count()).select_from(runs).where(*chosen(owner, only_open))
    return int(connection.execute(counted).scalar() or 0)


@dataclass(frozen=True)
class Stored:
    """What decides whether a run's files stay on the disk; ``is_needed``: an open run goes on from it."""

    id: str
    is_open: bool
    is_needed: bool
    name: str | None
    has_note: bool
    group_id: str | None
    ended_at: float | None
    deleted_at: float | None


def stored(connection: Connection) -> list[Stored]:
    """All runs, deleted ones too."""
    columns = (runs.c.id, runs.c.status, runs.c.name, runs.c.note, runs.c.group_id, runs.c.ended_at)
    going_on = sa.select(runs.c.origin).where(runs.c.status.in_(OPEN), runs.c.origin.is_not(None))
    needed = set(connection.execute(going_on).scalars())
    return [
        Stored(
            run_id, status in OPEN, run_id in needed, name, note is not None, group_id, ended_at, deleted_at
        )
        for run_id, status, name, note, group_id, ended_at, deleted_at in connection.execute(
            sa.select(*columns, runs.c.deleted_at)
        )
    ]


# -- its epochs ---------------------------------------------------------------------------------------


def finished_epochs(connection: Connection, run_id: str) -> list[EpochMetrics]:
    """The figures of a run's finished epochs, in order."""
    columns = [epochs.c[field.name] for field in dataclasses.fields(EpochMetrics)]
    chosen = sa.select(*columns).where(epochs.c.run_id == run_id).order_by(epochs.c.epoch)
    return [EpochMetrics(**row) for row in connection.execute(chosen).mappings()]


# -- the queue ----------------------------------------------------------------------------------------


def queued(connection: Connection) -> dict[str, Any]:
    """The columns of a run that queues now, behind all others."""
    last_turn = int(connection.execute(sa.select(sa.func.max(_turn()))).scalar() or 0)
    later = {"status": Status.QUEUED, "turn": last_turn + 1}
    return {
        **NOBODY,
        **later,
        "starts": 0,
        "reason": None,
        "waits": None,
        "ended_at": None,
        "paused_at": None,
    }


def has_room(connection: Connection, max_workers: int, cluster: str | None, machine: str) -> bool:
    """Whether a run waits, and fewer than ``max_workers`` are worked on there; see :func:`works_at`."""
    queued = sa.select(sa.literal(1)).where(runs.c.status == Status.QUEUED).limit(1)
    if connection.execute(queued).first() is None:
        return False
    busy = sa.select(sa.func.count()).where(takes_a_place(), works_at(cluster, machine))
    return (connection.execute(busy).scalar() or 0) < max_workers


def moves(connection: Connection, max_workers: int, cluster: str | None, machine: str) -> bool:
    """Whether there is something to do for the queue: a worker is gone, a run's turn has come, or one waits for its job at
    the ``cluster``; see :func:`works_at`.
    """
    working = connection.execute(sa.select(runs).where(held())).mappings()
    if any(why_gone(as_run(row)) is not None for row in working):
        return True
    if cluster is not None:
        waiting = sa.select(sa.literal(1)).where(unclaimed(), runs.c.executor == cluster).limit(1)
        if connection.execute(waiting).first() is not None:
            return True
    return has_room(connection, max_workers, cluster, machine)


def position(connection: Connection, run_id: str) -> int | None:
    """The place of a run in the queue, from 1; None where it does not wait."""
    waiting = waiting_in_order(connection)
    return waiting.index(run_id) + 1 if run_id in waiting else None


def queued_again(reason: Message) -> dict[str, Any]:
    """The columns of a run that queues once more for ``reason``: before whatever the same person asked for after it."""
    return {**NOBODY, "status": Status.QUEUED, "starts": 0, "waits": message_to_json(reason)}


def waiting_in_order(connection: Connection) -> list[str]:
    """The ids of all waiting runs, in the order in which they start if each of them takes as long."""
    waiting: dict[str | None, deque[tuple[int, str]]] = {}
    in_turn = sa.select(_turn(), runs.c.id, runs.c.owner).where(runs.c.status == Status.QUEUED)
    for turn, run_id, owner in connection.execute(in_turn.order_by(_turn())):
        waiting.setdefault(owner, deque()).append((turn, run_id))
    by_owner = sa.select(runs.c.owner, sa.func.max(runs.c.taken)).group_by(runs.c.owner)
    last_taken: dict[str | None, int] = {owner: taken or 0 for owner, taken in connection.execute(by_owner)}
    active = Counter(connection.execute(sa.select(runs.c.owner).where(takes_a_place())).scalars())
    now, order = max(last_taken.values(), default=0), []
    while waiting:
        owner = min(waiting, key=lambda who: (active[who], last_taken.get(who, 0), waiting[who][0]))
        order.append(waiting[owner].popleft()[1])
        now += 1
        last_taken[owner] = now
        active[owner] += 1
        if not waiting[owner]:
            del waiting[owner]
    return order


def _turn() -> sa.ColumnElement[int]:
    """A run's place in the queue; runs of a cnnviz that did not know of turns are in the order of their numbers."""
    return sa.func.coalesce(runs.c.turn, runs.c.number)


# -- what people ask of a run -------------------------------------------------------------------------


def ask(connection: Connection, run_id: str, command: Command) -> None:
    """Note what a person asks of a run."""
    values = {"run_id": run_id, "kind": command.kind, "value": command.value, "created_at": time.time()}
    connection.execute(commands.insert().values(**values))


def not_begun(connection: Connection, run: Run, reason: Message) -> dict[str, Any]:
    """The columns of a run whose worker process never began: it keeps its turn in the queue, unless it was stopped
    meanwhile, or has been given up for ``reason`` after several such processes.
    """
    if Kind.STOP in requested(connection, run.id):
        return {**NOBODY, **ended(Status.STOPPED)}
    if (run.starts or 0) < MOST_STARTS:
        return {**NOBODY, "status": Status.QUEUED, "waits": message_to_json(reason)}
    return ended(Status.INTERRUPTED, reason)


def left(connection: Connection, run_id: str) -> dict[str, Any]:
    """The columns of a paused run that its worker leaves: what was asked of it meanwhile is done without a worker."""
    kinds = set(requested(connection, run_id))
    if Kind.STOP in kinds:
        return {**NOBODY, **ended(Status.STOPPED, STOPPED_WHILE_PAUSED)}
    if kinds & {Kind.RESUME, Kind.STEP}:
        return queued(connection)
    return {**NOBODY, "status": Status.PAUSED}


def requested(connection: Connection, run_id: str) -> list[Kind]:
    """What was asked of a run and not taken yet, in order; a stop even if it was taken."""
    asked = sa.select(commands.c.kind).where(commands.c.run_id == run_id).order_by(commands.c.number)
    return [Kind(kind) for kind in connection.execute(asked).scalars()]


def is_unwanted(connection: Connection, run_id: str) -> bool:
    """Whether a person has asked a run to stop that has not heard it yet."""
    return Kind.STOP in requested(connection, run_id)
