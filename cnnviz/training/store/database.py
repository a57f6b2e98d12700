"""The database of runs: its tables, how those of earlier versions are brought up to date, and what its errors say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.schema import CreateColumn

from cnnviz.classroom.people import stored
from cnnviz.errors import CnnvizError
from cnnviz.language import Message

SCHEMA_VERSION = 8
"""The last revision of ``migrations/versions``."""

_BEFORE_ALEMBIC = 7
_POSTGRES_LOCK = 0x636E6E76697A  # "cnnviz": a number that other programs of the same database do not lock

metadata = sa.MetaData()

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, nullable=False))

# All times are seconds since 1970, UTC.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("recipe", sa.JSON, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("reason", sa.JSON(none_as_null=True)),  # a message's template and values
    sa.Column("worker", sa.String(64)),
    sa.Column("host", sa.String(300)),
    sa.Column("pid", sa.Integer),
    sa.Column("lease_until", sa.Float),
    sa.Column("lease_ticks", sa.Float),  # the same by the host's monotonic clock; see runs.ticks
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("total_steps", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("test_accuracy", sa.Float),
    sa.Column("checkpoint", sa.String(200)),
    # since version 2
    sa.Column("turn", sa.Integer),  # the order of the queue, whatever the clocks say
    sa.Column("taken", sa.Integer),  # the order in which runs were taken out of it
    sa.Column("owner", sa.String(64)),
    sa.Column("name", sa.String(200)),
    sa.Column("note", sa.Text),
    sa.Column("origin", sa.String(64)),  # the run whose snapshot this one goes on from, and its step
    sa.Column("origin_step", sa.Integer),
    sa.Column("paused_at", sa.Float),
    sa.Column("deleted_at", sa.Float),
    # since version 3
    sa.Column("group_id", sa.String(64)),  # the runs of a group are stopped and deleted as one
    sa.Column("role", sa.JSON(none_as_null=True)),  # what this one is in its group
    # since version 5
    sa.Column("starts", sa.Integer),  # worker processes in a row that were started for it and did not begin
    sa.Column(
        "start_used", sa.Float
    ),  # the processor time of the one that is starting before it was this run's
    # since version 8
    sa.Column("executor", sa.String(16)),  # the cluster that was asked for a worker; none: a machine itself
    sa.Column("attempts", sa.Integer),  # how often one was asked for, in all
    sa.Column("waits", sa.JSON(none_as_null=True)),  # why no worker has begun yet, as the scheduler says
)

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.String(64), nullable=False, index=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("value", sa.Float),  # since version 2: the new learning rate
)

epochs = sa.Table(
    "epochs",
    metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("train_loss", sa.Float, nullable=False),
    sa.Column("train_accuracy", sa.Float, nullable=False),
    sa.Column("test_loss", sa.Float, nullable=False),
    sa.Column("test_accuracy", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("images_per_second", sa.Float, nullable=False),
)

# Since version 7: without them a page looks through all runs to find one's own, those of a group, and deleted ones.
_INDEXES = (
    sa.Index("ix_runs_owner", runs.c.owner, runs.c.deleted_at),
    sa.Index("ix_runs_group", runs.c.group_id),
    sa.Index(
        "ix_runs_deleted",
        runs.c.number,
        sqlite_where=runs.c.deleted_at.is_not(None),
        postgresql_where=runs.c.deleted_at.is_not(None),
    ),
)

# The columns that each version before Alembic added. They may be empty, so that a worker of the version before, which
# knows nothing of them, can go on with its run.
_ADDED: Mapping[int, tuple[sa.Column[object], ...]] = MappingProxyType(
    {
        2: (
            runs.c.turn,
            runs.c.taken,
            runs.c.owner,
            runs.c.name,
            runs.c.note,
            runs.c.origin,
            runs.c.origin_step,
            runs.c.paused_at,
            runs.c.deleted_at,
            commands.c.value,
        ),
        3: (runs.c.group_id, runs.c.role),
        5: (runs.c.starts, runs.c.start_used),
    }
)


class StoreError(CnnvizError):
    """The database of runs cannot be used; the message says why and what to do."""


class Database:
    """A run database whose errors are :class:`StoreError` and whose writes are one at a time.

    ``patience`` is how many seconds to wait for another process that holds the database. ``written`` is another object
    after each transaction of this one that may have written.

    Raises:
        StoreError: it cannot be opened, or belongs to a newer version of cnnviz.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._patience = patience
        self.written = object()
        try:
            self._url = make_url(url)
        except sa.exc.ArgumentError as problem:
            raise StoreError(
                Message("CNNVIZ_DATABASE_URL must be a SQLAlchemy URL; got {url!r}.", url=url)
            ) from problem
        self._engine = self._make_engine()
        try:
            self._bring_up_to_date()
        except StoreError:
            self.close()
            raise

    def _bring_up_to_date(self) -> None:
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
        try:
            with self._explained(), self._engine.connect() as connection:
                connection = connection.execution_options(exclusive=True)
                with connection.begin():
                    self._exclude_others(connection)
                    yield connection
        finally:
            self.written = object()

    def _exclude_others(self, connection: Connection) -> None:
        """Wait until no other writer is at work: SQLite has done so already."""
        backend = self._url.get_backend_name()
        if backend == "postgresql":  # a lock that is there before the tables are
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
        elif backend != "sqlite" and sa.inspect(connection).has_table(schema_version.name):
            connection.execute(sa.select(schema_version).with_for_update())

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
        except CnnvizError:
            raise
        except (
            sa.exc.SQLAlchemyError,
            ValueError,
        ) as problem:  # of a damaged file even what SQLite says is no text
            raise self._error(problem) from problem

    def _error(self, problem: Exception) -> StoreError:
        cause = str(getattr(problem, "orig", None) or problem)
        place = _place(self._url)
        if "locked" in cause:
            return StoreError(
                Message(
                    "The runs database {place} has been locked by another program for {seconds:g} "
                    "seconds; close that program, or try again later.",
                    place=place,
                    seconds=self._patience,
                )
            )
        if "disk is full" in cause:
            return StoreError(
                Message("The disk with {place} is full; free some space and try again.", place=place)
            )
        return StoreError(
            Message(
                "The runs database {place} cannot be used: {cause}. Check CNNVIZ_RUNS_DIR and "
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
                "The runs database {place} has version {version}, but this version of cnnviz supports "
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
        from cnnviz.training.store import migrating

        _upgrade(connection, version)
        migrating.upgrade(connection, max(version, _BEFORE_ALEMBIC))
        connection.execute(schema_version.update().values(version=SCHEMA_VERSION))


def _upgrade(connection: Connection, version: int) -> None:
    """Bring tables of an older ``version`` to the last one before Alembic; nothing that is stored is lost."""
    for later in range(version + 1, _BEFORE_ALEMBIC + 1):
        for column in _ADDED.get(later, ()):
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}")
    if version < 2:
        connection.execute(runs.update().values(turn=runs.c.number))
    if version < 6:
        _hide_tokens(connection)
    for index in _INDEXES:
        index.create(connection, checkfirst=True)


def _hide_tokens(connection: Connection) -> None:
    """Store people's names, where versions before stored the tokens that their browsers keep."""
    owners = sa.select(runs.c.owner).where(runs.c.owner.is_not(None)).distinct()
    for owner in connection.execute(owners).scalars().all():
        connection.execute(runs.update().where(runs.c.owner == owner).values(owner=stored(owner)))


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
