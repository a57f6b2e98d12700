"""How often pages look by themselves for what is new: less often where so many do that a server would do nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SHARE = 0.5
"""The part of one processor core that a server gives to pages that look by themselves; Python has one for all of them."""

_GONE_SECONDS = 60.0


@dataclass(frozen=True)
class _Look:
    """What looks again and again: how ``often`` it would like to, in times a second, and what it ``costs`` in seconds."""

    often: float
    costs: float
    last: float
    seen: float


class Pace:
    """The pace of one server's pages; ``clock`` and ``used`` (the processor seconds of this thread) are in seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._used = used
        self._lock = threading.Lock()
        self._looks: dict[Hashable, _Look] = {}

    @property
    def factor(self) -> int:
        """By which pages now wait longer than they would like to: 1, 2, 4, ...

        It is a power of two, and the same for all, so that it seldom changes.
        """
        gone = self._clock() - _GONE_SECONDS
        with self._lock:
            self._looks = {who: look for who, look in self._looks.items() if look.seen > gone}
            cores = sum(look.often * look.costs for look in self._looks.values())
        factor = 1
        while cores > SHARE * factor:
            factor *= 2
        return factor

    def fits(self, factor: int) -> bool:
        """Whether who waits longer by ``factor`` may go on so: it is enough, and no more than twice too much."""
        return factor // 2 <= self.factor <= factor

    @contextmanager
    def looking(self, who: Hashable, every: float) -> Iterator[None]:
        """Note what ``who``, that would like to look ``every`` so many seconds, does inside of the block.

        Of its last two times the cheaper one counts: what is computed or loaded only once is no reason to wait longer.
        """
        before = self._used()
        try:
            yield
        finally:
            cost = self._used() - before
            with self._lock:
                known = self._looks.get(who)
                costs = min(cost, known.last) if known is not None else 0.0
                self._looks[who] = _Look(1 / every, costs, cost, self._clock())


PACE = Pace()
"""That of this server."""
