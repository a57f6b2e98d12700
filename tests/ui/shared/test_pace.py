from __future__ import annotations

import pytest

from cnnviz.ui.shared.pace import Pace


class Time:
    now = 1000.0
    used = 0.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> Pace:
    return Pace(lambda: time.now, lambda: time.used)


def look(pace: Pace, time: Time, people: int, seconds: float, rounds: int = 2) -> None:
    for _round in range(rounds):
        for person in range(people):
            with pace.looking(person, every=0.8):
                time.used += seconds


def test_a_class_looks_as_often_as_it_likes(pace: Pace, time: Time) -> None:
    look(pace, time, people=30, seconds=0.01)
    assert pace.factor == 1


def test_many_look_so_seldom_that_half_a_core_is_enough(pace: Pace, time: Time) -> None:
    look(pace, time, people=75, seconds=0.01)
    assert pace.factor == 2
    assert not pace.fits(1)
    assert pace.fits(2)
    assert pace.fits(4)  # or those who have just slowed down would do so to and fro
    assert not pace.fits(8)
    look(pace, time, people=300, seconds=0.01)
    assert pace.factor == 8


def test_those_who_have_left_do_not_count(pace: Pace, time: Time) -> None:
    look(pace, time, people=300, seconds=0.01)
    time.now += 61
    assert pace.factor == 1


def test_what_is_loaded_once_slows_nobody_down(pace: Pace, time: Time) -> None:
    look(pace, time, people=30, seconds=2.0, rounds=1)
    assert pace.factor == 1
    look(pace, time, people=30, seconds=0.01, rounds=1)
    with pace.looking(0, every=0.8):
        time.used += 3.0
    assert pace.factor == 1
