"""Which index answers, and the one that is being built to replace it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "index_in_service",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("other", sa.String(length=255), nullable=False),
        sa.Column("is_building", sa.Boolean(), nullable=False),
        sa.Column("is_by_words", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_index_in_service")),
    )


def downgrade() -> None:
    op.drop_table("index_in_service")
