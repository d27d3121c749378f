"""What keeps documents current: how a server named a page's version, and since when its source says that it is gone."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Empty for what was taken in before: it is read in full the next time.
_NAMED: dict[str, sa.types.TypeEngine[Any]] = {
    "cut": sa.String(length=20),
    "validator_url": sa.Text(),
    "etag": sa.Text(),
    "last_modified": sa.Text(),
}
_NOTHING_YET = {"readings": 0, "changed": 0, "removed": 0, "failed": 0}


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
    _create_places()


def _create_places() -> None:
    places = op.create_table(
        "places",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=60), nullable=False),
        sa.Column("whole_site", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=40), nullable=False),
        sa.Column("added_in", sa.String(length=40), nullable=False),
        sa.Column("refreshed_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("place", "scope", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_refreshed_at"), "places", ["refreshed_at"], unique=False)
    op.create_table(
        "taken_out",
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_taken_out")),
    )
    documents = sa.table("documents", *map(sa.column, ("place", "scope", "uri", "added_by", "added_in", "ingested_at")))
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    pages: dict[tuple[str, str], set[str]] = {}
    for row in op.get_bind().execute(sa.select(documents).order_by(documents.c.ingested_at)):
        key = row.place, row.scope
        first = {"added_by": row.added_by, "added_in": row.added_in, "refreshed_at": row.ingested_at}
        rows.setdefault(key, {"place": row.place, "scope": row.scope, "tries": 0, **first, **_NOTHING_YET})
        pages.setdefault(key, set()).add(row.uri.partition("#")[0])
    for (place, scope), row in rows.items():
        # Only a whole site gives several pages for one address.
        is_web = place.startswith(("http://", "https://")) and not place.rstrip("/").endswith(".git")
        row["whole_site"] = is_web and len(pages[place, scope]) > 1
        op.get_bind().execute(sa.insert(places).values(row))


def downgrade() -> None:
    op.drop_table("taken_out")
    op.drop_index(op.f("ix_places_refreshed_at"), table_name="places")
    op.drop_table("places")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name in ("missing_since", *reversed(_NAMED)):
            batch_op.drop_column(name)
