"""The tables of the run store, and how those of earlier versions are brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn

SCHEMA_VERSION = 3

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
    sa.Column(
        "lease_ticks", sa.Float
    ),  # the same by the host's monotonic clock, see cnnviz.training.worker.host
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

# The columns that each version added. They may be empty, so that a worker of the version before, which
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
    }
)


def upgrade(connection: Connection, version: int) -> None:
    """Bring tables of an older ``version`` to :data:`SCHEMA_VERSION`; nothing that is stored is lost."""
    for later in range(version + 1, SCHEMA_VERSION + 1):
        for column in _ADDED[later]:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}")
    if version < 2:
        connection.execute(runs.update().values(turn=runs.c.number))
