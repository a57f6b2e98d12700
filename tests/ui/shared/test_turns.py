from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnviz.ui.shared.background import Turns


def test_one_at_a_time_in_the_order_in_which_they_came() -> None:
    turns, done, first = Turns(), list[int](), threading.Event()
    told = {number: threading.Event() for number in range(4)}
    threads: set[int] = set()

    def work(number: int) -> int:
        if number == 0:
            assert first.wait(10)
        done.append(number)
        threads.add(threading.get_ident())
        return number

    def ask(number: int) -> int:
        def tell(before: int) -> None:
            if before == number:
                told[number].set()

        return turns.do(lambda: work(number), tell)

    with ThreadPoolExecutor(4) as pool:
        jobs = []
        for number in range(4):
            jobs.append(pool.submit(ask, number))
            assert told[number].wait(10)  # each hears how many are before it
        first.set()
        assert [job.result(10) for job in jobs] == [0, 1, 2, 3]
    assert done == [0, 1, 2, 3]
    assert len(threads) == 1


def test_whoever_leaves_gives_the_place_up() -> None:
    turns, go_on, done = Turns(), threading.Event(), list[str]()

    def leave(_before: int) -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(turns.do, lambda: go_on.wait(10), lambda _before: None)
        with pytest.raises(InterruptedError):
            turns.do(lambda: done.append("in vain"), leave)
        go_on.set()
        assert job.result(10)
    with pytest.raises(ValueError, match="not in list"):
        turns.do(lambda: [].index("what it is"), leave)
    assert done == []
