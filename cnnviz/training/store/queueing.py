"""The queue of runs: whose turn it is, and which runs have lost their worker."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cnnviz.language import Message
from cnnviz.training.store.leases import lease, why_gone
from cnnviz.training.store.runs import Run, Status, message_to_json
from cnnviz.training.store.store_base import StoreBase, as_run, held, place, unclaimed
from cnnviz.training.store.tables import runs
from cnnviz.training.worker.host import host
from cnnviz.training.worker.worker_api import left

# A worker has this long from its start to its claim, even where leases are shorter: the interpreter
# and the imports before the claim take a second, and several on a machine that is busy.
START_SECONDS = 15.0


class Queue(StoreBase):
    """The part of the store that starts runs, and notices where a worker is gone."""

    def queue_position(self, run_id: str) -> int | None:
        """The run's place in the queue, from 1; None where it does not wait.

        That is the order in which the runs start if nobody asks for another; see :meth:`take_next`.
        """
        with self._database.reading() as connection:
            waiting = _in_order(connection)
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def take_next(self, max_workers: int) -> str | None:
        """The id of the run whose turn it is, now ``starting``; None where nothing waits or this machine
        already works on ``max_workers`` runs.

        People take turns: it is that of whoever has the fewest runs that are worked on, and of these of the
        one whose last run was taken the longest ago. A person's own runs keep their order.
        """
        if not self._any(runs.c.status == Status.QUEUED):
            return None
        with self._database.writing() as connection:
            busy = sa.select(sa.func.count()).where(held(), runs.c.host == host())
            if (connection.execute(busy).scalar() or 0) >= max_workers:
                return None
            waiting = _in_order(connection)
            if not waiting:
                return None
            term = lease(max(START_SECONDS, self.settings.lease_seconds))
            taken = int(connection.execute(sa.select(sa.func.max(runs.c.taken))).scalar() or 0) + 1
            start = runs.update().where(runs.c.id == waiting[0])
            connection.execute(start.values(status=Status.STARTING, host=host(), taken=taken, **term))
            return waiting[0]

    def note_pid(self, run_id: str, pid: int) -> None:
        """Remember the process that was started for a run, so that its death before the claim shows."""
        with self._database.writing() as connection:
            connection.execute(unclaimed(run_id).values(pid=pid))

    def fail_start(self, run_id: str, reason: Message) -> None:
        """A run that no worker could be started for has failed."""
        end = {"status": Status.FAILED, "reason": message_to_json(reason), "ended_at": time.time()}
        with self._database.writing() as connection:
            connection.execute(unclaimed(run_id).values(**end))

    def reap(self) -> Sequence[str]:
        """Mark runs whose worker is gone as interrupted, paused ones as :func:`cnnviz.training.worker.worker_api.left`;
        returns their ids.

        A worker is gone when its lease ran out, or when it was a process of this machine that is dead.
        """
        with self._database.reading() as connection:
            active = connection.execute(sa.select(runs).where(held())).mappings()
            gone = [(run, reason) for run in map(as_run, active) if (reason := why_gone(run)) is not None]
        if not gone:
            return []
        with self._database.writing() as connection:
            return [run.id for run, reason in gone if _interrupt(connection, run, reason)]


def _in_order(connection: Connection) -> list[str]:
    """The ids of all waiting runs, in the order in which they start if each of them takes as long."""
    waiting: dict[str | None, deque[tuple[int, str]]] = {}
    queued = sa.select(place(), runs.c.id, runs.c.owner).where(runs.c.status == Status.QUEUED)
    for turn, run_id, owner in connection.execute(queued.order_by(place())):
        waiting.setdefault(owner, deque()).append((turn, run_id))
    by_owner = sa.select(runs.c.owner, sa.func.max(runs.c.taken)).group_by(runs.c.owner)
    last_taken: dict[str | None, int] = {owner: taken or 0 for owner, taken in connection.execute(by_owner)}
    active = Counter(connection.execute(sa.select(runs.c.owner).where(held())).scalars())
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


def _interrupt(connection: Connection, run: Run, reason: Message) -> bool:
    """Take ``run`` from its worker, unless it was renewed, claimed or ended since it was read."""
    same = runs.update().where(
        runs.c.id == run.id,
        held(),
        runs.c.worker.is_not_distinct_from(run.worker),
        runs.c.lease_until.is_not_distinct_from(run.lease_until),
    )
    end: dict[str, object] = {
        "status": Status.INTERRUPTED,
        "reason": message_to_json(reason),
        "ended_at": time.time(),
    }
    if run.status == Status.PAUSED:  # its state was saved when it paused
        end = left(connection, run.id)
    return connection.execute(same.values(**end)).rowcount == 1
