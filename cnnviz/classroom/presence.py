"""Who is there, and how often they ask: the sessions that have asked for a page of this server lately."""

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
    """One person's last sign of life: their ``name``, the ``page`` and how many seconds ago. ``title`` is what others
    call them, empty where they have no account.
    """

    name: str
    page: str
    seconds: float
    title: str = ""


class Presence:
    """Signs of life by session; ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[str, str, float]] = {}
        self._titles: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, session: str, name: str, page: str, title: str = "") -> None:
        """The person ``name`` shows ``page`` in a ``session``; ``title`` is what others call them."""
        with self._lock:
            if title:
                self._titles[name] = title
                while len(self._titles) > _MOST:
                    del self._titles[next(iter(self._titles))]
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
                people.setdefault(name, Seen(name, page, now - when, self.title(name)))
        return list(people.values())

    def title(self, name: str) -> str:
        """What others call a person who has been here since the server started; empty where nobody knows."""
        return self._titles.get(name, "")


PRESENCE = Presence()
"""That of this server."""


_MOST_PEOPLE = 10_000


class Requests:
    """What each person has left of what they may ask for within a minute; it grows back evenly. ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # how many requests, and when that was so
        self._lock = threading.Lock()

    def take(self, name: str, most: int) -> float:
        """Count a request of the person ``name``, who may have ``most`` a minute.

        Returns:
            0; or the seconds until the next one is allowed, if this one is one too many.
        """
        each = 60.0 / most
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(name, (float(most), now))
            left = min(float(most), left + (now - since) / each)
            allowed = left >= 1.0
            self._left[name] = (left - 1.0 if allowed else left, now)  # the newest are last
            while len(self._left) > _MOST_PEOPLE:
                del self._left[next(iter(self._left))]
        return 0.0 if allowed else (1.0 - left) * each


REQUESTS = Requests()
"""Those to this server."""
