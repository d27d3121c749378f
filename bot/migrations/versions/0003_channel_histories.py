"""Channels whose history is taken in and kept current, and documents found by where they come from."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "channel_histories",
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("team", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("work_id", sa.String(length=255), nullable=False),
        sa.Column("ingest_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("newest_ts", sa.String(length=40), nullable=False),
        sa.Column("oldest_ts", sa.String(length=40), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("stopped_ts", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_histories")),
    )
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_channel_histories_ingest_id"), ["ingest_id"], unique=False)
    op.create_index("ix_documents_place", "documents", ["place"], unique=False, postgresql_using="hash")


def downgrade() -> None:
    op.drop_index("ix_documents_place", table_name="documents")
    op.drop_table("channel_histories")
