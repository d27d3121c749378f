"""How often each document was tried to be taken in, and which are set aside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "document_tries",
        sa.Column("work_id", sa.String(length=255), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=60), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("overheard", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("work_id", name=op.f("pk_document_tries")),
    )
    with op.batch_alter_table("document_tries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_document_tries_document_id"), ["document_id"], unique=False)


def downgrade() -> None:
    op.drop_table("document_tries")
