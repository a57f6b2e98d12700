"""Who is there: the sessions that have asked for a page of this server lately."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

FORGOTTEN_AFTER = 30 * 60.0
"""Seconds after which a session that asks for nothing counts as gone."""
_MOST = 1_000


@dataclass(frozen=True)
class Seen:
    """One person's last sign of life: their ``name``, the ``page`` and how many seconds ago."""

    name: str
    page: str
    seconds: float


class Presence:
    """Signs of life by session; ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[str, str, float]] = {}
        self._lock = threading.Lock()

    def note(self, session: str, name: str, page: str) -> None:
        """The person ``name`` shows ``page`` in a ``session``."""
        with self._lock:
            self._seen.pop(session, None)  # the newest are last
            self._seen[session] = (name, page, self._clock())
            while len(self._seen) > _MOST:
                del self._seen[next(iter(self._seen))]

    def people(self) -> list[Seen]:
        """Everybody who is there, each once, whoever showed a sign of life last first."""
        now = self._clock()
        with self._lock:
            found = list(self._seen.values())
        people: dict[str, Seen] = {}
        for name, page, when in reversed(found):
            if now - when < FORGOTTEN_AFTER:
                people.setdefault(name, Seen(name, page, now - when))
        return list(people.values())


PRESENCE = Presence()
"""That of this server."""
