from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz import bounded
from cnnviz.bounded import Bounded, estimated, kept


def made(cache: Bounded, key: str, size: int, log: list[str]) -> bytes:
    def make() -> bytes:
        log.append(key)
        return bytes(size)

    return cache.get(key, make, len)


def test_bytes_are_counted_not_entries() -> None:
    cache, log = Bounded(lambda: 100), list[str]()
    for number in range(50):
        made(cache, f"small {number}", 1, log)
    assert cache.nbytes == 50
    for name in ("first", "second"):
        made(cache, name, 40, log)
    assert cache.nbytes == 100
    made(cache, "small 49", 1, log)  # the newest small ones are still there
    assert len(log) == 52
    made(cache, "small 0", 1, log)
    assert log[-1] == "small 0"


def test_what_was_used_last_stays() -> None:
    cache, log = Bounded(lambda: 20), list[str]()
    made(cache, "a", 10, log)
    made(cache, "b", 10, log)
    made(cache, "a", 10, log)
    made(cache, "c", 10, log)
    made(cache, "a", 10, log)
    assert log == ["a", "b", "c"]


def test_a_large_value_stays_beside_small_ones_until_the_next_large_one() -> None:
    cache, log = Bounded(lambda: 100), list[str]()
    for number in range(60):
        made(cache, f"small {number}", 1, log)
    made(cache, "huge", 500, log)
    assert cache.nbytes == 525
    for number in range(40):
        made(cache, f"other {number}", 1, log)
    assert cache.nbytes == 525
    made(cache, "huge", 500, log)
    assert log.count("huge") == 1
    made(cache, "large", 60, log)
    assert cache.nbytes == 85


def test_a_large_value_goes_when_nobody_has_used_it_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(bounded.time, "monotonic", lambda: now)
    cache, log = Bounded(lambda: 100), list[str]()
    made(cache, "huge", 500, log)
    now += bounded.LARGE_SECONDS - 1
    made(cache, "huge", 500, log)
    now += bounded.LARGE_SECONDS - 1
    made(cache, "small", 1, log)
    assert cache.nbytes == 501
    now += 2
    made(cache, "small", 1, log)
    assert cache.nbytes == 1
    assert log == ["huge", "small"]


def test_many_threads_make_a_value_once() -> None:
    cache, log = Bounded(lambda: 100), list[str]()
    begin = threading.Barrier(8)

    def ask(_: int) -> bytes:
        begin.wait()
        return made(cache, "one", 1, log)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert log == ["one"]
    assert all(value is found[0] for value in found)


def test_what_failed_is_tried_again() -> None:
    cache, log = Bounded(lambda: 100), list[str]()

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("key", fail)
    assert made(cache, "key", 1, log) == b"\0"


def test_values_are_found_by_how_their_keys_begin() -> None:
    cache = Bounded(lambda: 100)
    for key in (("a", 1), ("a", 1, "x"), ("a", 2), "a"):
        cache.put(key, key, 10)
    assert cache.beginning("a", 1) == [("a", 1), ("a", 1, "x")]
    cache.put("new", "new", 70)  # the first one goes, although it was looked at
    assert cache.find(("a", 1)) is None


def test_a_result_is_known_again_by_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "COMMON", Bounded(lambda: 1e6))
    log = []

    @kept
    def add(first: int, second: int = 2, _third: object = None) -> tuple[int, int]:
        log.append((first, second))
        return first, second

    assert add(1) is add(1, 2, _third=[]) is add(second=2, first=1)
    assert add(2) == (2, 2)
    assert log == [(1, 2), (2, 2)]


def test_bytes_are_estimated_through_what_a_value_is_made_of() -> None:
    @dataclass(frozen=True)
    class Whole:
        arrays: tuple[np.ndarray, ...]
        text: str

    arrays = tuple(np.zeros(1000) for _ in range(100))
    assert 800_000 < estimated(Whole(arrays, "a")) < 900_000
    assert 100_000 < estimated({"a": "b" * 100_000}) < 101_000
    with torch.device("meta"):
        assert estimated(nn.Linear(1000, 1000)) < 100_000
    assert estimated(nn.Linear(1000, 1000)) > 4_000_000
