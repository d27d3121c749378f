"""What keeps documents current: how a server named a page's version, and since when its source says that it is gone."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Empty for what was taken in before: it is read in full the next time.
_NAMED: dict[str, sa.types.TypeEngine[Any]] = {
    "cut": sa.String(length=20),
    "validator_url": sa.Text(),
    "etag": sa.Text(),
    "last_modified": sa.Text(),
}


def upgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name, kind in _NAMED.items():
            batch_op.add_column(sa.Column(name, kind, nullable=True))
        batch_op.add_column(sa.Column("missing_since", sa.BigInteger(), nullable=True))
    documents = sa.table("documents", *map(sa.column, _NAMED))
    op.get_bind().execute(sa.update(documents).values(dict.fromkeys(_NAMED, "")))
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name, kind in _NAMED.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name in ("missing_since", *reversed(_NAMED)):
            batch_op.drop_column(name)
