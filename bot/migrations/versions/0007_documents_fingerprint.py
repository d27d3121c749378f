"""What a document was read from, so that the same bytes are not read again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=True))
    # Empty for what was taken in before: it is read in full the next time.
    documents = sa.table("documents", sa.column("fingerprint"))
    op.get_bind().execute(sa.update(documents).values(fingerprint=""))
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.alter_column("fingerprint", existing_type=sa.String(length=64), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_column("fingerprint")
