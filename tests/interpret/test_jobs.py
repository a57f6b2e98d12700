from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from cnnviz.bounded import Bounded
from cnnviz.interpret import jobs
from cnnviz.interpret.jobs import Job, Jobs, UnwatchedError

Progress = Callable[[float], None]
Array = np.ndarray


def finished(job: Job[Array]) -> Job[Array]:
    assert job.wait(10)
    return job


def made(size: int) -> Callable[[Progress], Array]:
    return lambda progress: np.zeros(size, np.uint8)


def test_all_who_ask_get_one_result() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))
    gate, calls = threading.Event(), []

    def work(progress: Progress) -> Array:
        calls.append(1)
        gate.wait(10)
        return np.ones(3, np.uint8)

    first = pool.get("a", work)
    second = pool.get("a", work)
    assert not first.wait(0.01)
    gate.set()
    assert finished(first).result() is finished(second).result() is finished(pool.get("a", work)).result()
    assert calls == [1]


def test_progress_and_time_left_are_in_sight() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))
    half, gate = threading.Event(), threading.Event()

    def work(progress: Progress) -> Array:
        progress(0.5)
        half.set()
        gate.wait(10)
        return np.zeros(1, np.uint8)

    job = pool.get("a", work)
    assert half.wait(10)
    assert job.part == 0.5
    assert job.seconds_left is not None
    assert job.seconds_left >= 0
    gate.set()
    finished(job)


def test_no_more_work_at_once_than_allowed() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))
    gate = threading.Event()

    def work(progress: Progress) -> Array:
        gate.wait(10)
        return np.zeros(1, np.uint8)

    both = [pool.get(name, work) for name in ("a", "b")]
    both[0].wait(0.05)
    assert sorted(job.started for job in both) == [False, True]
    assert next(job for job in both if not job.started).seconds_left is None
    gate.set()
    for job in both:
        finished(job)


def test_the_longest_unused_results_make_room() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))
    first = finished(pool.get("a", made(40)))
    finished(pool.get("b", made(40)))
    assert pool.get("a", made(40)) is first  # used just now
    finished(pool.get("c", made(40)))
    assert pool.get("a", made(40)) is first
    again = []
    finished(pool.get("b", lambda _progress: again.append(1) or np.zeros(40, np.uint8)))
    assert again == [1]


def test_a_result_larger_than_the_room_is_given_all_the_same() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 10))
    assert finished(pool.get("a", made(40))).result().nbytes == 40


def test_an_error_reaches_who_waits_and_is_tried_again() -> None:
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))

    def fail(progress: Progress) -> Array:
        raise RuntimeError("no such file")

    with pytest.raises(RuntimeError, match="no such file"):
        finished(pool.get("a", fail)).result()
    assert finished(pool.get("a", made(2))).result().nbytes == 2


def test_work_ends_when_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 0.02)
    pool: Jobs[Array] = Jobs(1, Bounded(lambda: 100))
    gate = threading.Event()

    def work(progress: Progress) -> Array:
        gate.wait(0.1)
        progress(0.5)
        return np.zeros(1, np.uint8)

    job = finished(pool.get("a", work))
    with pytest.raises(UnwatchedError):
        job.result()
