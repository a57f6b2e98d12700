from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnviz.ui.shared.cached import Bounded


def made(cache: Bounded[bytes], key: str, size: int, log: list[str]) -> bytes:
    def make() -> bytes:
        log.append(key)
        return bytes(size)

    return cache.get(key, make)


def test_bytes_are_counted_not_entries() -> None:
    cache, log = Bounded[bytes](100, len), []
    for number in range(50):
        made(cache, f"small {number}", 1, log)
    assert cache.nbytes == 50
    made(cache, "large", 80, log)
    assert cache.nbytes <= 100
    made(cache, "large", 80, log)
    made(cache, "small 49", 1, log)  # the newest small ones are still there
    assert len(log) == 51
    made(cache, "small 0", 1, log)
    assert log[-1] == "small 0"


def test_what_was_used_last_stays() -> None:
    cache, log = Bounded[bytes](20, len), []
    made(cache, "a", 10, log)
    made(cache, "b", 10, log)
    made(cache, "a", 10, log)
    made(cache, "c", 10, log)
    made(cache, "a", 10, log)
    assert log == ["a", "b", "c"]


def test_a_value_larger_than_everything_is_kept_until_the_next() -> None:
    cache, log = Bounded[bytes](10, len), []
    made(cache, "huge", 50, log)
    made(cache, "huge", 50, log)
    assert log == ["huge"]
    made(cache, "small", 1, log)
    assert cache.nbytes == 1


def test_many_threads_make_a_value_once() -> None:
    cache, log = Bounded[bytes](100, len), []
    begin = threading.Barrier(8)

    def ask(_: int) -> bytes:
        begin.wait()
        return made(cache, "one", 1, log)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert log == ["one"]
    assert all(value is found[0] for value in found)


def test_what_failed_is_tried_again() -> None:
    cache, log = Bounded[bytes](100, len), []

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("key", fail)
    assert made(cache, "key", 1, log) == b"\0"
