"""The database as such: of earlier and later versions, damaged, locked, out of reach."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from cnnviz.classroom.people import name_of, new_token
from cnnviz.settings import Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.database import SCHEMA_VERSION, StoreError, runs, schema_version
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from tests.training.store.conftest import opened

EPOCH = EpochMetrics(1, 0.5, 0.8, 0.4, 0.9, 2.0, 1000.0)


@pytest.mark.of_sqlite
def test_a_locked_database_is_explained(configuration: Settings, store: RunStore, recipe: Recipe) -> None:
    impatient = RunStore(configuration, patience=0.1)
    blocker = sqlite3.connect(configuration.runs_dir / "runs.sqlite3", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match=r"locked by another program for 0\.1 seconds"):
            impatient.create(recipe)
        assert impatient.list() == []  # reading goes on
    finally:
        blocker.rollback()
        blocker.close()
    impatient.create(recipe)
    impatient.close()


FIRST_VERSION = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
CREATE TABLE runs (number INTEGER NOT NULL PRIMARY KEY, id VARCHAR(64) NOT NULL UNIQUE, recipe JSON NOT NULL,
    status VARCHAR(16) NOT NULL, reason JSON, worker VARCHAR(64), host VARCHAR(300), pid INTEGER,
    lease_until FLOAT, lease_ticks FLOAT, epoch INTEGER NOT NULL, step INTEGER NOT NULL,
    total_steps INTEGER NOT NULL, created_at FLOAT NOT NULL, started_at FLOAT, ended_at FLOAT,
    test_accuracy FLOAT, checkpoint VARCHAR(200));
CREATE TABLE commands (number INTEGER NOT NULL PRIMARY KEY, run_id VARCHAR(64) NOT NULL,
    kind VARCHAR(32) NOT NULL, created_at FLOAT NOT NULL);
CREATE TABLE epochs (run_id VARCHAR(64) NOT NULL, epoch INTEGER NOT NULL, train_loss FLOAT NOT NULL,
    train_accuracy FLOAT NOT NULL, test_loss FLOAT NOT NULL, test_accuracy FLOAT NOT NULL,
    seconds FLOAT NOT NULL, images_per_second FLOAT NOT NULL, PRIMARY KEY (run_id, epoch));
INSERT INTO runs VALUES (1, 'old-run', '{"architecture": "basic-cnn", "dataset": "mnist", "options": {},
    "mean": [0.1307], "deviation": [0.3081], "epochs": 10, "batch_size": 64, "loss": "cross-entropy",
    "optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.5, "seed": 1, "threads": 2, "device": "cpu"}',
    'finished', NULL, 'w', 'h', 1, 1.0, 1.0, 10, 9380, 9380, 1000.0, 1001.0, 1002.0, 0.98, 'old-run');
INSERT INTO runs (number, id, recipe, status, epoch, step, total_steps, created_at)
    SELECT 2, 'waiting-run', recipe, 'queued', 0, 0, 0, 2000.0 FROM runs;
INSERT INTO epochs VALUES ('old-run', 1, 0.5, 0.8, 0.4, 0.9, 2.0, 1000.0);
"""


@pytest.mark.of_sqlite
def test_a_database_of_the_first_version_is_brought_up_to_date(
    configuration: Settings, recipe: Recipe
) -> None:
    configuration.runs_dir.mkdir()
    with sqlite3.connect(configuration.runs_dir / "runs.sqlite3") as database:
        database.executescript(FIRST_VERSION)
    database.close()
    with ThreadPoolExecutor(4) as pool:  # several servers at once
        opened = list(pool.map(lambda _: RunStore(configuration), range(4)))
    store = opened[0]
    old = store.get("old-run")
    assert (old.status, old.test_accuracy, old.owner, old.turn) == (Status.FINISHED, 0.98, None, 1)
    Recipe.from_dict(old.recipe).validate()
    assert store.epochs("old-run") == [EPOCH]
    new = store.create(recipe, owner="ann")
    assert [store.take_next(2), store.take_next(2)] == ["waiting-run", new]
    store.request_learning_rate(new, 0.5)
    for server in opened:
        server.close()


def test_tokens_that_were_stored_become_names(configuration: Settings, recipe: Recipe) -> None:
    token = new_token()
    with contextlib.closing(RunStore(configuration)) as store:
        theirs, nobodys = store.create(recipe, owner=name_of(token)), store.create(recipe)
    with opened(configuration) as connection:
        connection.execute(sa.update(runs).where(runs.c.id == theirs).values(owner=token))
        make_older(connection, 5)
    with contextlib.closing(RunStore(configuration)) as store:
        assert (store.get(theirs).owner, store.get(nobodys).owner) == (name_of(token), None)


@pytest.mark.of_sqlite
@pytest.mark.parametrize("version", [None, 6], ids=["new", "upgraded"])
def test_no_page_looks_through_all_runs(configuration: Settings, version: int | None) -> None:
    RunStore(configuration).close()
    path = configuration.runs_dir / "runs.sqlite3"
    if version is not None:
        with opened(configuration) as connection:
            for name in ("owner", "group", "deleted"):
                connection.execute(sa.text(f"DROP INDEX ix_runs_{name}"))
            make_older(connection, version)
    asked: list[tuple[str, tuple[object, ...]]] = []
    with contextlib.closing(RunStore(configuration)) as store:
        engine = store._database._engine
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        store.list(1, owner="ann")
        store.list(1, only_open=True)
        store.list(20, deleted=True)
        store.count(owner="ann")
        store.count()
        store.group("group-1")
    looked = [question for question in asked if question[0].startswith("SELECT")]
    assert len(looked) == 6
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement, values in looked:
            (plan, *_) = database.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            assert "INDEX ix_runs_" in plan[3], (plan[3], statement)


def test_a_newer_database_is_left_alone(configuration: Settings, store: RunStore) -> None:
    with opened(configuration) as connection:
        connection.execute(sa.update(schema_version).values(version=SCHEMA_VERSION + 1))
    with pytest.raises(StoreError, match=f"has version {SCHEMA_VERSION + 1}.*update cnnviz"):
        RunStore(configuration)


@pytest.mark.of_sqlite
def test_a_file_that_is_no_database_is_explained(configuration: Settings) -> None:
    configuration.runs_dir.mkdir()
    (configuration.runs_dir / "runs.sqlite3").write_bytes(b"not a database at all, " * 100)
    with pytest.raises(StoreError, match=r"file is not a database.*CNNVIZ_RUNS_DIR"):
        RunStore(configuration)


@pytest.mark.of_sqlite
@pytest.mark.parametrize("url", ["no url", "nosuch://server/runs"])
def test_a_useless_database_url_is_explained(configuration: Settings, url: str) -> None:
    with pytest.raises(StoreError, match="CNNVIZ_DATABASE_URL"):
        RunStore(dataclasses.replace(configuration, database_url=url))


@pytest.mark.of_sqlite
def test_a_folder_that_cannot_be_made_is_explained(configuration: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    broken = dataclasses.replace(
        configuration, database_url=f"sqlite:///{tmp_path / 'file' / 'runs.sqlite3'}"
    )
    with pytest.raises(StoreError, match="cannot be used"):
        RunStore(broken)


def test_tables_of_an_older_version_are_brought_up_to_date(configuration: Settings, recipe: Recipe) -> None:
    with contextlib.closing(RunStore(configuration)) as store:
        run_id = store.create(recipe, owner="a" * 32)
        before = store.get(run_id)
    with opened(configuration) as connection:
        for index in ("owner", "group", "deleted"):
            connection.execute(sa.text(f"DROP INDEX ix_runs_{index}"))
        for column in ("starts", "start_used", "group_id", "role"):
            connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))
        make_older(connection, 2)
    with contextlib.closing(RunStore(configuration)) as store:
        after = store.get(run_id)
    assert after == dataclasses.replace(before, owner=after.owner, starts=None)
    assert after.owner != before.owner  # a token, and now its digest
    with opened(configuration) as connection:
        assert connection.execute(sa.select(schema_version.c.version)).scalar() == SCHEMA_VERSION


def test_all_ways_lead_to_the_same_tables(configuration: Settings) -> None:
    RunStore(configuration).close()
    with opened(configuration) as connection:
        made = described(connection)
        make_older(connection, 7)
    RunStore(configuration).close()
    with opened(configuration) as connection:
        assert described(connection) == made
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == str(
            SCHEMA_VERSION
        )


def make_older(connection: sa.Connection, version: int) -> None:
    """Let the tables be those of a ``version`` before Alembic, but for what that version lacked beside."""
    for column in ("executor", "attempts", "waits"):
        connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))
    connection.execute(sa.update(schema_version).values(version=version))


def described(connection: sa.Connection) -> dict[str, dict[str, str]]:
    """Each table's columns and their types, without Alembic's own table."""
    found = sa.inspect(connection)
    return {
        table: {column["name"]: str(column["type"]) for column in found.get_columns(table)}
        for table in found.get_table_names()
        if table != "alembic_version"
    }
