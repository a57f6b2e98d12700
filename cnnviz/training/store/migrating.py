"""How the tables of one version become those of the next, by Alembic: from version 7 on, each step a file in
``migrations/versions``.

Importing this imports Alembic; :mod:`cnnviz.training.store.database` does so only for a database of another version.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection


def upgrade(connection: Connection, version: int) -> None:
    """Bring tables of ``version``, 7 or later, up to date, in the transaction of ``connection``."""
    config = _config(connection)
    if MigrationContext.configure(connection).get_current_revision() is None:  # made by cnnviz itself
        command.stamp(config, str(version))
    command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
