"""How much of the disk the runs take, and making room where that is too much.

The oldest finished runs without a name go to the trash first, while there is still room for the trash itself; what is in
the trash is removed for good, the oldest first, where that is not enough. What somebody brings back stays.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cnnviz.errors import CnnvizError
from cnnviz.training.store.queries import Stored
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import BROUGHT_BACK, PUT_ASIDE, RunStore

TRASHED_FROM = 0.8
"""The part of the disk's limit that runs may take; the trash has the rest."""
SPARED_SECONDS = 3_600.0
"""So long a run that was deleted can be restored in any case."""


@dataclass(frozen=True)
class Use:
    """The bytes that runs take on the disk, without and in the trash."""

    runs: int
    trash: int

    @property
    def bytes(self) -> int:
        """All of them."""
        return self.runs + self.trash


def use(store: RunStore) -> Use:
    """What the runs of the store take now."""
    return _use_of(store, store.stored())


def _use_of(store: RunStore, known: Iterable[Stored]) -> Use:
    sizes = {True: 0, False: 0}
    for run in known:
        sizes[run.deleted_at is None] += _size_of(store, run)
    return Use(sizes[True], sizes[False])


def make_room(store: RunStore, most: int) -> Use:
    """See to it that all runs together take at most ``most`` bytes; returns what they take then, which is more where
    runs with names or in progress fill the disk.

    Raises:
        StoreError, StorageError: the database or the folder cannot be changed.
    """
    known = store.stored()
    now = _use_of(store, known)
    for runs in _candidates(known) if now.runs > TRASHED_FROM * most else ():
        if now.runs <= TRASHED_FROM * most:
            break
        if any(store.storage.is_marked(run.id, BROUGHT_BACK) for run in runs):
            continue
        size = _bytes(store, runs)
        with contextlib.suppress(CnnvizError):  # somebody has deleted or resumed it meanwhile
            for run in runs:
                store.delete(run.id, to_make_room=True)
            now = Use(now.runs - size, now.trash + size)
    for run in _long_gone(known) if now.bytes > most else ():
        if now.bytes <= most:
            break
        size = _bytes(store, [run])
        store.remove([run.id])
        now = Use(now.runs, now.trash - size)
    return now


def was_put_aside(store: RunStore, run: Run) -> bool:
    """Whether this deleted run was deleted to make room."""
    return store.storage.is_marked(run.id, PUT_ASIDE)


def _candidates(known: Iterable[Stored]) -> Iterator[list[Stored]]:
    """The runs that may go to the trash, the oldest first; those of a group together."""
    together: dict[str, list[Stored]] = {}
    for run in known:
        if run.deleted_at is None:
            together.setdefault(run.group_id or run.id, []).append(run)
    free = [runs for runs in together.values() if all(map(_may_go, runs))]
    yield from sorted(free, key=lambda runs: max(run.ended_at or 0.0 for run in runs))


def _may_go(run: Stored) -> bool:
    """Whether a run is over and nobody has described it: a group's names are its experiment's."""
    is_named = run.name is not None and run.group_id is None
    return not (run.is_open or run.is_needed or is_named or run.has_note)


def _long_gone(known: Iterable[Stored]) -> list[Stored]:
    """The runs in the trash that may be removed for good, the oldest first."""
    before = time.time() - SPARED_SECONDS
    gone = [run for run in known if run.deleted_at is not None and run.deleted_at < before]
    return sorted(gone, key=lambda run: run.deleted_at or 0.0)


def _bytes(store: RunStore, runs: Iterable[Stored]) -> int:
    return sum(_size_of(store, run) for run in runs)


def _size_of(store: RunStore, run: Stored) -> int:
    return store.storage.size(run.id) if run.is_open else _size_of_ended(store, run.id, run.ended_at)


@lru_cache(maxsize=65_536)
def _size_of_ended(store: RunStore, run_id: str, _ended_at: float | None) -> int:
    """A run that is over is measured once; one that was resumed ends at another time."""
    return store.storage.size(run_id)
