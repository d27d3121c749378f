"""Reviews of corrections, opt-outs, and what exports of training data have told apart."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "correction_reviews",
        sa.Column("feedback_id", sa.String(length=200), nullable=False),
        sa.Column("exchange_id", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feedback_id", name=op.f("pk_correction_reviews")),
    )
    with op.batch_alter_table("correction_reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_reviews_exchange_id"), ["exchange_id"], unique=False)

    op.create_table(
        "training_opt_outs",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_training_opt_outs")),
    )
    op.create_table(
        "training_clusters",
        sa.Column("cluster", sa.String(length=32), nullable=False),
        sa.Column("split", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("cluster", name=op.f("pk_training_clusters")),
    )
    op.create_table(
        "training_members",
        sa.Column("exchange_id", sa.String(length=200), nullable=False),
        sa.Column("cluster", sa.String(length=32), nullable=False),
        sa.Column("thread_id", sa.String(length=160), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("taught", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_training_members")),
    )
    with op.batch_alter_table("training_members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_members_start"), ["start"], unique=False)

    op.create_table(
        "training_exports",
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("start", name=op.f("pk_training_exports")),
    )


def downgrade() -> None:
    for table in (
        "training_exports",
        "training_members",
        "training_clusters",
        "training_opt_outs",
        "correction_reviews",
    ):
        op.drop_table(table)
