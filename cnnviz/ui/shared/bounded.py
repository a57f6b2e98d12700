"""Caches that are bounded in bytes, for what can be large: one VGG-16 takes 540 MB.

Streamlit's own caches count entries.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """Values by key, of at most ``most_bytes`` together: the one that was longest unused goes first.

    A value that is larger than that by itself is kept until the next one comes. Each is made once, however
    many threads ask for it at the same moment.
    """

    def __init__(self, most_bytes: int, size: Callable[[T], int]) -> None:
        """``size`` tells the bytes of a value."""
        self._most_bytes = most_bytes
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._gates: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value known by ``key``, made now where it is not there; what ``make`` raises is raised."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            gate = self._gates.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if key in self._values:
                    return self._values[key][0]
            try:
                value = make()
            finally:
                with self._lock:
                    self._gates.pop(key, None)
            with self._lock:
                self._values[key] = value, self._size(value)
                self._drop_oldest()
        return value

    @property
    def nbytes(self) -> int:
        """Bytes of all values that are kept."""
        with self._lock:
            return sum(size for _, size in self._values.values())

    def _drop_oldest(self) -> None:
        total = sum(size for _, size in self._values.values())
        while total > self._most_bytes and len(self._values) > 1:
            _, (_, size) = self._values.popitem(last=False)
            total -= size
