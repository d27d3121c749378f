"""To which thread an exchange belongs; of older ones as far as their deliveries say."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_THREADS = """
UPDATE exchanges SET thread_id = coalesce((
    SELECT deliveries.team || ':' || deliveries.channel || ':' || deliveries.thread_ts
    FROM deliveries WHERE deliveries.exchange_id = exchanges.exchange_id), '')
"""


def upgrade() -> None:
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.add_column(sa.Column("thread_id", sa.String(length=160), server_default="", nullable=False))
    op.execute(_THREADS)


def downgrade() -> None:
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.drop_column("thread_id")
