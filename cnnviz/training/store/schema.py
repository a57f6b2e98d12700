"""How the database of runs is opened, and what its errors say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.training.store.tables import SCHEMA_VERSION, metadata, schema_version, upgrade


class StoreError(CnnvizError):
    """The database of runs cannot be used; the message says why and what to do."""


class Database:
    """A run database whose errors are :class:`StoreError` and whose writes are one at a time.

    ``patience`` is how many seconds to wait for another process that holds the database.

    Raises:
        StoreError: it cannot be opened, or belongs to a newer version of cnnviz.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._patience = patience
        try:
            self._url = make_url(url)
        except sa.exc.ArgumentError as problem:
            raise StoreError(
                Message("CNNVIZ_DATABASE_URL is {url!r}, which is no SQLAlchemy URL.", url=url)
            ) from problem
        self._engine = self._make_engine()
        with self.reading() as connection:
            version = _version(connection)
        if version != SCHEMA_VERSION:
            with self.writing() as connection:
                _prepare(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that excludes all other writers from its beginning to its end."""
        with self._explained(), self._engine.connect() as connection:
            connection = connection.execution_options(exclusive=True)
            with connection.begin():
                if not self._is_sqlite and sa.inspect(connection).has_table(schema_version.name):
                    connection.execute(sa.select(schema_version).with_for_update())
                yield connection

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _make_engine(self) -> Engine:
        try:
            if not self._is_sqlite:
                return sa.create_engine(self._url, pool_pre_ping=True)
            if self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(self._url, connect_args={"timeout": self._patience})
        except (OSError, ImportError, sa.exc.SQLAlchemyError) as problem:
            raise self._error(problem) from problem
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as problem:
            raise self._error(problem) from problem

    def _error(self, problem: Exception) -> StoreError:
        cause = str(getattr(problem, "orig", None) or problem)
        place = _place(self._url)
        if "locked" in cause:
            return StoreError(
                Message(
                    "The database of runs {place} has been locked by another program for {seconds:g} "
                    "seconds; end that program, or try again later.",
                    place=place,
                    seconds=self._patience,
                )
            )
        if "disk is full" in cause:
            return StoreError(
                Message("The disk that holds {place} is full; free some space and try again.", place=place)
            )
        return StoreError(
            Message(
                "The database of runs {place} cannot be used: {cause}. See CNNVIZ_RUNS_DIR and "
                "CNNVIZ_DATABASE_URL.",
                place=place,
                cause=cause.rstrip("."),
            )
        )


def _place(url: URL) -> str:
    return url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string()


def _version(connection: Connection) -> int | None:
    """The version of the tables; None where there are none yet."""
    if not sa.inspect(connection).has_table(schema_version.name):
        return None
    version = int(connection.execute(sa.select(schema_version.c.version)).scalar() or 0)
    if version > SCHEMA_VERSION:
        raise StoreError(
            Message(
                "The database of runs {place} has version {version}, and this cnnviz understands version "
                "{known}; update cnnviz, or choose another CNNVIZ_RUNS_DIR.",
                place=_place(connection.engine.url),
                version=version,
                known=SCHEMA_VERSION,
            )
        )
    return version


def _prepare(connection: Connection) -> None:
    """Make the tables, or bring old ones up to date, unless another process was faster."""
    version = _version(connection)
    if version is None:
        metadata.create_all(connection)
        connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))
    elif version < SCHEMA_VERSION:
        upgrade(connection, version)
        connection.execute(schema_version.update().values(version=SCHEMA_VERSION))


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in _on_sqlite_begin, not behind our back
    cursor = connection.cursor()
    try:
        # Readers and the one writer then do not wait for each other. Where the file system cannot do
        # it, SQLite answers with the old mode, which works as well, only slower.
        cursor.execute("PRAGMA journal_mode = WAL")
    except Exception as problem:
        if "locked" not in str(problem):  # somebody else is changing the mode at this very moment
            raise
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL: whole after a power cut
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    exclusive = connection.get_execution_options().get("exclusive", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if exclusive else "BEGIN")
