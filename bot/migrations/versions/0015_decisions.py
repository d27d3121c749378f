"""By which policy a route was taken and what it saw, and which policy a release names."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.add_column(sa.Column("policy", sa.String(length=120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("features", sa.Text(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("propensity", sa.Float(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("explored", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("forced", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("adapter_at", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("policy", sa.String(length=120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("released_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE releases SET released_at = promoted_at")
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.alter_column("released_at", existing_type=sa.BigInteger(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.drop_column("released_at")
        batch_op.drop_column("policy")
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        for name in ("adapter_at", "forced", "explored", "propensity", "features", "policy"):
            batch_op.drop_column(name)
