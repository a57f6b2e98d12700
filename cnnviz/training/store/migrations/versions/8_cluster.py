"""A run may be handed to the scheduler of a cluster."""

import sqlalchemy as sa
from alembic import op

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Add who starts a run's worker, how often that was asked for, and why it waits there."""
    op.add_column("runs", sa.Column("executor", sa.String(16)))
    op.add_column("runs", sa.Column("attempts", sa.Integer))
    op.add_column("runs", sa.Column("waits", sa.JSON(none_as_null=True)))
