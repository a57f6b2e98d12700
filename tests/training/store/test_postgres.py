"""The run store in a real PostgreSQL, for several servers; skipped where there is none."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from benchmarks.postgres import NoPostgresError, postgres
from cnnviz.errors import UnknownKeyError
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.database import SCHEMA_VERSION
from cnnviz.training.store.runs import Command, Kind, Status
from cnnviz.training.store.store import RunStore

pytestmark = pytest.mark.slow
EPOCH = EpochMetrics(1, 0.5, 0.8, 0.4, 0.9, 2.0, 1000.0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty cluster's databases."""
    pytest.importorskip("psycopg")
    try:
        with postgres(tmp_path_factory.mktemp("p")) as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
def shared(
    address: str, configuration: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Settings:
    """The settings of servers with an empty database of the test's own."""
    name = f"d{abs(hash(request.node.name))}"
    engine = sa.create_engine(address.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    monkeypatch.setenv("CNNVIZ_DATABASE_URL", address.format(database=name))
    return settings()


def test_several_servers_start_at_once_and_nobody_passes_a_limit(shared: Settings, recipe: Recipe) -> None:
    with ThreadPoolExecutor(6) as servers:
        stores = list(servers.map(lambda _: RunStore(shared), range(6)))

        class TooManyError(Exception):
            pass

        def admit(count: int) -> None:
            if count > 5:
                raise TooManyError

        def ask(store: RunStore) -> None:
            for _ in range(3):
                with contextlib.suppress(TooManyError):
                    store.create(recipe, owner="ann", admit=admit)

        list(servers.map(ask, stores))
        assert stores[0].count(owner="ann") == 5
        taken = list(servers.map(lambda store: store.take_next(9), stores))
    assert sorted(filter(None, taken)) == sorted(run.id for run in stores[0].list())
    assert taken.count(None) == 1
    for store in stores:
        store.close()


def test_a_run_lives_as_in_sqlite(shared: Settings, recipe: Recipe) -> None:
    store = RunStore(shared)
    run_id = store.create(recipe, owner="ann", name="first")
    assert store.take_next(1) == run_id
    assert store.claim(run_id, "w")
    assert not store.claim(run_id, "another")
    assert store.begin(run_id, "w", 10)
    assert store.add_epoch(run_id, "w", EPOCH)
    store.request_learning_rate(run_id, 0.25)
    assert store.take_commands(run_id) == [Command(Kind.RATE, 0.25)]
    assert store.renew(run_id, "w", 1, 5)
    assert store.finish(run_id, "w", Status.FINISHED, checkpoint=run_id)
    run = store.get(run_id)
    assert (run.status, run.recipe, run.step) == (Status.FINISHED, recipe.to_dict(), 5)
    assert (run.test_accuracy, store.epochs(run_id)) == (0.9, [EPOCH])
    store.delete(run_id)
    store.restore(run_id)
    store.delete(run_id)
    assert [run.id for run in store.list(deleted=True)] == [run_id]
    time.sleep(0.01)
    store.purge(keep_seconds=0)
    with pytest.raises(UnknownKeyError):
        store.get(run_id)
    store.close()


def test_tables_of_an_older_version_are_brought_up_to_date(shared: Settings, recipe: Recipe) -> None:
    store = RunStore(shared)
    run_id = store.create(recipe, owner="a" * 32)
    before = store.get(run_id)
    store.close()
    engine = sa.create_engine(shared.database_url)
    with engine.begin() as connection:
        for column in ("starts", "start_used", "group_id", "role"):
            connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))
        connection.execute(sa.text("UPDATE schema_version SET version = 2"))
    store = RunStore(shared)
    after = store.get(run_id)
    assert after == dataclasses.replace(before, owner=after.owner, starts=None)
    assert after.owner != before.owner  # a token, and now its digest
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version FROM schema_version")).scalar() == SCHEMA_VERSION
    engine.dispose()
    store.close()
