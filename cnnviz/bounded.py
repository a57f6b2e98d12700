"""What is kept in memory to be quick the next time: values by key, of so many bytes together.

All of a process share one such store, :data:`COMMON`, and thus one limit (``CNNVIZ_CACHE_MB``): that of what was longest
unused, whatever it is, is dropped first.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import wraps
from inspect import signature
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar, cast

from cnnviz.settings import settings

P = ParamSpec("P")
T = TypeVar("T")

LARGE_SECONDS = 120.0
"""How long a value that takes more than half of the room may be unused."""

_SAMPLED = 24
_DEEPEST = 12
_MODULE_BYTES = 8_000  # a layer of PyTorch without its weights


class Bounded:
    """Values by key, of at most ``most_bytes`` together: the one that was longest unused goes first.

    Of values that are larger than half of that only the last one is kept, however large it is, and others beside it in a
    quarter of the room at least: whoever looks at a large network does not load it again with every click. It goes
    :data:`LARGE_SECONDS` after it was last used, as soon as something else is used. Each value is made once, however many threads ask for it at
    the same moment.
    """

    def __init__(self, most_bytes: Callable[[], float]) -> None:
        """``most_bytes`` is asked whenever a value comes."""
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._gates: dict[Hashable, threading.Lock] = {}
        self._large: tuple[Hashable, float] | None = None

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int] | None = None) -> T:
        """The value known by ``key``, made now where it is not there; what ``make`` raises is raised.

        ``size`` tells its bytes; without it they are estimated.
        """
        with self._lock:
            self._use(key)
            if key in self._values:
                return cast("T", self._values[key][0])
            gate = self._gates.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if key in self._values:
                    return cast("T", self._values[key][0])
            try:
                value = make()
            finally:
                with self._lock:
                    self._gates.pop(key, None)
            self.put(key, value, (size or estimated)(value))
        return value

    def put(self, key: Hashable, value: object, size: int) -> None:
        """Keep a value of ``size`` bytes."""
        most = self._most_bytes()
        with self._lock:
            self._values[key] = value, size
            self._use(key)
            if size > most / 2:
                self._large = key, time.monotonic()
            self._drop(key, most)

    def find(self, key: Hashable) -> Any:
        """The value known by ``key``; None where there is none."""
        with self._lock:
            self._use(key)
            return self._values[key][0] if key in self._values else None

    def beginning(self, *parts: Hashable) -> list[Any]:
        """All values whose key is a tuple that begins with ``parts``; to look so does not count as a use of them."""
        with self._lock:
            return [
                value
                for key, (value, _size) in self._values.items()
                if isinstance(key, tuple) and key[: len(parts)] == parts
            ]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._values.clear()

    @property
    def nbytes(self) -> int:
        """Bytes of all values that are kept."""
        with self._lock:
            return sum(size for _, size in self._values.values())

    def _use(self, key: Hashable) -> None:
        """Note that a value is used now; the large one goes where that was long ago."""
        if key in self._values:
            self._values.move_to_end(key)
        if self._large is None:
            return
        large, used = self._large
        if key == large:
            self._large = large, time.monotonic()
        elif time.monotonic() - used > LARGE_SECONDS:
            self._values.pop(large, None)
            self._large = None

    def _drop(self, newest: Hashable, most: float) -> None:
        sizes = {key: size for key, (_, size) in self._values.items()}
        large = [key for key, size in sizes.items() if size > most / 2]
        for key in large[:-1]:
            del self._values[key]
        room = max(most / 4, most - sum(sizes[key] for key in large[-1:]))
        total = sum(size for size in sizes.values() if size <= most / 2)
        for key, size in sizes.items():
            if total <= room:
                break
            if size <= most / 2 and key != newest:
                del self._values[key]
                total -= size


COMMON = Bounded(lambda: settings().cache_mb * 1e6)
"""That of this process."""


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Keep in :data:`COMMON` what ``function`` returns, known again by its arguments, all of which are hashable.

    Arguments whose names begin with _ do not count. Results are shared by everybody and must not be changed.
    """
    arguments = signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        bound = arguments.bind(*args, **kwargs)
        bound.apply_defaults()
        counted = tuple(value for name, value in bound.arguments.items() if not name.startswith("_"))
        return COMMON.get((function, counted), lambda: function(*args, **kwargs))

    return call


def estimated(value: object) -> int:
    """About how many bytes of memory a value takes.

    Long sequences are judged by some of their parts; what only the garbage collector would find is not seen.
    """
    return _estimated(value, set(), _DEEPEST)


def _estimated(value: object, seen: set[int], deep: int) -> int:
    if id(value) in seen or isinstance(value, type | FunctionType | ModuleType):
        return 0
    seen.add(id(value))
    if hasattr(value, "modules") and hasattr(value, "state_dict"):
        return _of_module(value)
    own = sys.getsizeof(value, 64)
    nbytes = getattr(value, "nbytes", None)
    if isinstance(nbytes, int):  # an array, a tensor, or a value that knows it
        return max(own, nbytes)
    if deep == 0 or isinstance(value, str | bytes | int | float | bool | None):
        return own
    return own + _of_parts(_parts(value), seen, deep - 1)


def _parts(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", {}).values())


def _of_parts(parts: Iterable[object], seen: set[int], deep: int) -> int:
    everything = list(parts)
    step = max(1, len(everything) // _SAMPLED)
    sampled = everything[::step]
    if not sampled:
        return 0
    return round(sum(_estimated(part, seen, deep) for part in sampled) * len(everything) / len(sampled))


def _of_module(module: Any) -> int:
    weights: int = sum(one.nbytes for one in module.state_dict().values() if not one.is_meta)
    return weights + _MODULE_BYTES * sum(1 for _ in module.modules())
