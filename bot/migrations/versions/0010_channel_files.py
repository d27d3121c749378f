"""How many files of each channel were read, beside its threads."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("files", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.alter_column("files", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("channel_histories", schema=None) as batch_op:
        batch_op.drop_column("files")
