from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from cnnviz.settings import Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.store.database import StoreError
from cnnviz.training.store.polled import PolledStore
from cnnviz.training.store.runs import Kind, Status
from cnnviz.training.store.store import RunStore


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def polled(store: RunStore, clock: Clock) -> PolledStore:
    return PolledStore(store, clock)


@pytest.fixture
def other_server(configuration: Settings) -> Iterator[RunStore]:
    other = RunStore(configuration)
    yield other
    other.close()


@pytest.fixture
def transactions(store: RunStore) -> list[object]:
    begun: list[object] = []
    sa.event.listen(store._database._engine, "begin", begun.append)
    return begun


def test_of_fifty_who_ask_within_a_second_one_asks_the_store(
    store: RunStore, polled: PolledStore, clock: Clock, recipe: Recipe, transactions: list[object]
) -> None:
    run_id = store.create(recipe)
    start = threading.Barrier(50)

    def ask(_number: int) -> Status:
        start.wait()
        return polled.get(run_id).status

    with ThreadPoolExecutor(50) as people:
        for second in (1, 2):
            transactions.clear()
            clock.seconds = 100.0 + second
            assert [*people.map(ask, range(50))] == [Status.QUEUED] * 50
            assert len(transactions) == 1
        assert polled.epochs(run_id) == polled.requested(run_id) == ()
        assert polled.queue_position(run_id) == 1
        assert polled.state(run_id).queue_moves
        assert (
            len(transactions) == 1
        )  # of one moment, all that belongs to the run, and whether the queue moves


def test_what_is_done_here_is_seen_at_once_and_what_is_done_elsewhere_within_a_second(
    store: RunStore, polled: PolledStore, clock: Clock, recipe: Recipe, other_server: RunStore
) -> None:
    run_id = store.create(recipe)
    assert [run.id for run in polled.list(1)] == [run_id]
    assert store.claim(run_id, "worker")
    assert polled.get(run_id).status == Status.STARTING
    store.request_pause(run_id)
    assert polled.requested(run_id) == (Kind.PAUSE,)
    other_server.request_stop(run_id)
    clock.seconds += 1
    assert polled.requested(run_id) == (Kind.PAUSE, Kind.STOP)


def test_what_is_written_while_the_store_is_asked_is_not_missed(
    store: RunStore, polled: PolledStore, recipe: Recipe
) -> None:
    run_id = store.create(recipe)

    def read_slowly() -> str | None:
        name = store.get(run_id).name
        store.describe(run_id, "by somebody at the same moment", None)
        return name

    assert polled.once_a_second("name", read_slowly) is None
    assert polled.once_a_second("name", lambda: store.get(run_id).name) == "by somebody at the same moment"


def test_an_error_is_told_to_all_and_is_over_in_the_next_second(
    store: RunStore, polled: PolledStore, clock: Clock, transactions: list[object]
) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE runs RENAME TO gone")
    transactions.clear()
    for _person in range(3):
        with pytest.raises(StoreError, match="cannot be used"):
            polled.count()
    assert len(transactions) == 1
    with store._database._engine.begin() as connection:  # by somebody else
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO runs")
    clock.seconds += 1
    assert polled.count() == 0


def test_an_unforeseen_error_leaves_no_answer(polled: PolledStore) -> None:
    assert polled.once_a_second("failing", lambda: 1) == 1
    polled.store.create(Recipe.default("basic-cnn", dataset="mnist-sample"))
    with pytest.raises(ZeroDivisionError):
        polled.once_a_second("failing", lambda: 1 // 0)
    assert polled.once_a_second("failing", lambda: 2) == 2


def test_who_waited_for_a_slow_store_does_not_ask_it_again(polled: PolledStore, clock: Clock) -> None:
    def slow() -> str:
        clock.seconds += 5
        return "late"

    assert polled.once_a_second("slow", slow) == "late"
    assert polled.once_a_second("slow", lambda: "asked again") == "late"


def test_what_nobody_asks_for_any_more_is_dropped(
    store: RunStore, polled: PolledStore, clock: Clock, recipe: Recipe
) -> None:
    for _run in range(20):
        polled.get(store.create(recipe))
    clock.seconds += 1
    polled.count()
    assert len(polled._answers) == 1


def test_a_curve_is_read_once_for_all_who_watch(
    store: RunStore, polled: PolledStore, clock: Clock, recipe: Recipe
) -> None:
    run_id = store.create(recipe)
    run = store.get(run_id)
    assert len(polled.steps(run)) == len(polled.samples(run).records) == 0
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        metrics.add(1, 1, 0.5, 0.5, 0.1)
    clock.seconds += 1
    first = polled.steps(run)
    assert first["step"].tolist() == [1]
    assert polled.steps(run) is first
