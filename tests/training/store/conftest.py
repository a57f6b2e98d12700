"""What is tested here holds for SQLite and for PostgreSQL, where that is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
import sqlalchemy as sa

from benchmarks.postgres import NoPostgresError, postgres
from cnnviz.settings import Settings, settings

SQLITE, POSTGRES = "sqlite", "postgresql"
FILES = "of_sqlite"
"""The mark of tests that are about SQLite's file."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FILES}: about the file of an SQLite database")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames and metafunc.definition.get_closest_marker(FILES) is None:
        metafunc.parametrize("backend", [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.slow)])


@pytest.fixture
def backend() -> str:
    """Which database the test is about, one after the other."""
    return SQLITE


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The URL of a PostgreSQL's databases, for as long as there are tests."""
    pytest.importorskip("psycopg")
    try:
        with postgres() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database and tells its URL."""
    numbers = count()

    def make() -> str:
        url: str = request.getfixturevalue("cluster")
        name = f"d{next(numbers)}"
        engine = sa.create_engine(url.format(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url.format(database=name)

    return make


@pytest.fixture
def configuration(
    configuration: Settings, backend: str, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The settings in force, with an empty database of the test's own."""
    if backend == POSTGRES:
        monkeypatch.setenv("CNNVIZ_DATABASE_URL", new_database())
    return settings()


@contextmanager
def opened(chosen: Settings) -> Iterator[sa.Connection]:
    """The database behind the store's back."""
    engine = sa.create_engine(chosen.database_url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()
