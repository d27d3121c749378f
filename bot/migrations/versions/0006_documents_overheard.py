"""Whether a document was said among people, so that no adapter learns from it, or from what was said of it before."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMN = "overheard"


def upgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column(_COLUMN, sa.Boolean(), nullable=True))
    documents = sa.table("documents", sa.column("place"), sa.column(_COLUMN, sa.Boolean()))
    # Threads and messages; and files, of which it is not known whether they came by an upload or with a message.
    is_from_slack = documents.c.place.startswith("slack-", autoescape=True)
    op.get_bind().execute(sa.update(documents).values({_COLUMN: is_from_slack}))
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.alter_column(_COLUMN, existing_type=sa.Boolean(), nullable=False)
    # Of an answer in an earlier thread it was not noted from what it was written.
    exchanges = sa.table("exchanges", sa.column("thread", sa.Text()))
    unknown = sa.func.replace(exchanges.c.thread, '"overheard":false', '"overheard":true')
    op.get_bind().execute(sa.update(exchanges).values(thread=unknown))


def downgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_column(_COLUMN)
