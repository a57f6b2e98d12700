"""How often people ask this server for something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

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
