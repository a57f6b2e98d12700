from __future__ import annotations

from cnnviz.classroom.presence import Requests


def test_who_asks_too_often_waits_and_nobody_else_does() -> None:
    now = [100.0]
    requests = Requests(lambda: now[0])
    assert [requests.take("ann", 60) for _ in range(61)] == [0.0] * 60 + [1.0]
    assert requests.take("bob", 60) == 0.0
    now[0] += 0.75
    assert requests.take("ann", 60) == 0.25  # waiting costs nothing, and asking again neither
    now[0] += 0.25
    assert [requests.take("ann", 60), requests.take("ann", 60)] == [0.0, 1.0]
    now[0] += 3_600
    assert sum(requests.take("ann", 60) == 0.0 for _ in range(100)) == 60
