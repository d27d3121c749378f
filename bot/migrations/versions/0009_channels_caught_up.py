"""Until when each followed channel is known to be current, and how far what was missed is read."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from knowledge.columns import Moment

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("current_at", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("caught_up_ts", sa.String(length=40), nullable=False, server_default=""))
    # What was missed before is not known: only what is missed from now on is read.
    histories = sa.table("channel_histories", sa.column("current_at", Moment))
    op.execute(histories.update().values(current_at=datetime.now(UTC)))
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.alter_column("current_at", server_default=None)
        batch_op.alter_column("caught_up_ts", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.drop_column("caught_up_ts")
        batch_op.drop_column("current_at")
