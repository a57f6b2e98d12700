"""The teacher's password: kept as a scrypt digest, and not to be found by trying; the browsers that have shown it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1  # 16 MiB and some 50 ms for each attempt
_PREFIX = "scrypt"

FREE_ATTEMPTS = 3
"""Wrong passwords from one address that cost no wait."""
LONGEST_WAIT = 30.0
"""Seconds that an address waits at most for its next attempt."""
FORGOTTEN_AFTER = 3_600.0
"""Seconds after which a wrong attempt counts no more."""
MOST_ATTEMPTS = 100
"""Wrong attempts from all addresses together within :data:`FORGOTTEN_AFTER` after which everybody waits for
:data:`WAIT_OF_ALL`: many addresses gain little, and the teacher is never locked out for long.
"""
WAIT_OF_ALL = 5.0
"""Seconds after the last wrong attempt from anywhere."""


class PasswordError(CnnvizError):
    """The password is wrong, or it is too early for another attempt."""


def digest(password: str, salt: bytes | None = None) -> str:
    """``password`` as text that may stand in a settings file: ``scrypt:SALT:DIGEST``, both hexadecimal."""
    salt = secrets.token_bytes(16) if salt is None else salt
    made = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)
    return f"{_PREFIX}:{salt.hex()}:{made.hex()}"


def matches(password: str, known: str) -> bool:
    """Whether ``password`` is the one that :func:`digest` made ``known`` of."""
    salt = bytes.fromhex(known.split(":")[1])
    return hmac.compare_digest(digest(password, salt), known)


def is_digest(text: str) -> bool:
    """Whether ``text`` is what :func:`digest` writes."""
    parts = text.split(":")
    return len(parts) == 3 and parts[0] == _PREFIX and all(_is_hex(part) for part in parts[1:])


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) > 0
    except ValueError:
        return False


@dataclass
class Attempts:
    """Wrong passwords by address; ``clock`` gives seconds.

    After :data:`FREE_ATTEMPTS` an address waits 2 s for its next attempt, then 4 s and so on.
    """

    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, password: str, known: str, address: str) -> None:
        """Take ``password`` if it is the one of the digest ``known``; ``address`` is where the attempt comes from.

        Raises:
            PasswordError: it is wrong, or this address, or all together, tried too often.
        """
        with (
            self._lock
        ):  # one at a time: whoever tries in parallel gains nothing, and the server stays usable
            now = self.clock()
            self._forget(now)
            if (wait := self._wait(address, now)) > 0:
                raise PasswordError(
                    Message("Too many wrong passwords; try again in {seconds:.0f} s.", seconds=max(1.0, wait))
                )
            if matches(password, known):
                self._wrong.pop(address, None)
                return
            self._wrong.setdefault(address, deque()).append(now)
        raise PasswordError(Message("This is not the teacher's password."))

    def _wait(self, address: str, now: float) -> float:
        """Seconds until the next attempt from ``address``."""
        everybody = [when for times in self._wrong.values() for when in times]
        of_all = max(everybody) + WAIT_OF_ALL - now if len(everybody) >= MOST_ATTEMPTS else 0.0
        own = self._wrong.get(address, deque())
        if len(own) < FREE_ATTEMPTS:
            return of_all
        delay = min(2.0 ** (len(own) - FREE_ATTEMPTS + 1), LONGEST_WAIT)
        return max(own[-1] + delay - now, of_all)

    def _forget(self, now: float) -> None:
        for address, times in list(self._wrong.items()):
            while times and times[0] <= now - FORGOTTEN_AFTER:
                times.popleft()
            if not times:
                del self._wrong[address]


HOURS = 12
"""How long a browser stays a teacher's; a restart of the server ends it earlier."""


class Teachers:
    """The names of teachers, as :func:`cnnviz.classroom.people.name_of` makes them; ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._attempts = Attempts(clock)
        self._lock = threading.Lock()

    def unlock(self, password: str, name: str, address: str) -> None:
        """Take ``name`` among the teachers; ``address`` is where the attempt comes from.

        Raises:
            PasswordError: the password is wrong, or was tried too often.
        """
        known = settings().teacher_password
        if not known:
            raise PasswordError(Message("This server has no teacher's password."))
        self._attempts.check(password, _known(known), address)
        with self._lock:
            self._until[name] = self._clock() + HOURS * 3_600

    def lock(self, name: str) -> None:
        """Take ``name`` from among the teachers."""
        with self._lock:
            self._until.pop(name, None)

    def has(self, name: str) -> bool:
        """Whether ``name`` is a teacher's at this moment."""
        until = self._until.get(name)
        return until is not None and self._clock() < until


@lru_cache(maxsize=1)
def _known(given: str) -> str:
    """The digest of the password that is ``given`` in the environment, as itself or as its digest."""
    return given if is_digest(given) else digest(given)


TEACHERS = Teachers()
"""Those of this server."""
