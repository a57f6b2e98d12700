"""The browsers that have shown the teacher's password."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache

from cnnviz.classroom.password import Attempts, PasswordError, digest, is_digest
from cnnviz.language import Message
from cnnviz.settings import settings

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
