"""Requests to the sandbox: so many at a time, in the order in which they came; and what a template does when it is quiet."""

from __future__ import annotations

import threading
import time

import pytest

from cnnviz.own.sandbox.huge_pages import gather_memory, regions
from cnnviz.own.sandbox.pool import BusyError, Turns


@pytest.mark.parametrize("at_once", [1, 3])
def test_turns_come_in_order_and_so_many_at_a_time(at_once: int) -> None:
    turns = Turns(at_once)
    inside: list[int] = []
    came: list[int] = []
    most: list[int] = []
    let_go = threading.Event()

    def request(number: int) -> None:
        with turns.turn(30):
            came.append(number)
            inside.append(number)
            most.append(len(inside))
            let_go.wait(30)
            inside.remove(number)

    threads = [threading.Thread(target=request, args=(number,)) for number in range(8)]
    for place, thread in enumerate(threads, 1):
        thread.start()
        while turns.waiting + len(inside) < place:
            time.sleep(0.001)
    let_go.set()
    for thread in threads:
        thread.join()
    assert sorted(came) == list(range(8))
    assert max(most) == at_once
    if at_once == 1:  # of several that come in together, any may be the first to say so
        assert came == sorted(came)
    assert turns.waiting == 0


def test_a_turn_that_does_not_come_is_given_up_and_frees_nothing() -> None:
    turns = Turns(1)
    with turns.turn(1):
        with pytest.raises(BusyError), turns.turn(0.01):
            pass
        assert turns.waiting == 0
    with turns.turn(1), pytest.raises(BusyError), turns.turn(0.01):
        pass


def test_a_turn_is_free_again_after_an_error() -> None:
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="lost"), turns.turn(1):
            raise ValueError("lost")


MAPS = """\
00400000-00500000 r-xp 00000000 08:01 1234                               /usr/bin/python3
00a00000-01200000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
7f0000300000-7f0000900000 rw-p 00000000 00:00 0
7f0001000000-7f0002000000 rw-p 00000000 08:01 1234                       /usr/lib/libc.so.6
7f0003000000-7f0004000000 rw-s 00000000 00:00 0
7ffd00000000-7ffd00800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_private_memory_alone_is_gathered_and_whole_huge_pages_of_it() -> None:
    found = [(hex(start), hex(end)) for start, end in regions(MAPS)]
    assert found == [("0xa00000", "0x1200000"), ("0x7f0000400000", "0x7f0000800000")]


def test_memory_that_was_gathered_holds_what_it_held() -> None:
    held = [bytes([number]) * 4_000_000 for number in range(4)]
    gather_memory()
    assert [set(part) for part in held] == [{number} for number in range(4)]
