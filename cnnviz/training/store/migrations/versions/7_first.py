"""The tables as Alembic found them first."""

revision = "7"
down_revision = None


def upgrade() -> None:
    """Nothing is to be done: these tables are there."""
