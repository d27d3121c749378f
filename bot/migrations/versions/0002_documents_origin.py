"""Who added a document, where and from what, and the number that people call it by; what was handed over, and what failed."""

import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ADDED: dict[str, sa.types.TypeEngine[Any]] = {
    "number": sa.Integer(),
    "place": sa.Text(),
    "added_by": sa.String(length=40),
    "added_in": sa.String(length=40),
    "ingest_id": sa.String(length=255),
    "added_at": sa.BigInteger(),
}


def upgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name, kind in _ADDED.items():
            batch_op.add_column(sa.Column(name, kind, nullable=True))
    _fill()
    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name, kind in _ADDED.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_documents_number"), ["number"])
        batch_op.create_index(batch_op.f("ix_documents_ingest_id"), ["ingest_id"], unique=False)

    op.create_table(
        "ingests",
        sa.Column("ingest_id", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("ingest_id", name=op.f("pk_ingests")),
    )
    with op.batch_alter_table("ingests", schema=None) as batch_op:
        batch_op.create_index("ix_ingests_channel_started_at", ["channel", "started_at"], unique=False)

    op.create_table(
        "ingest_failures",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ingest_id", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ingest_failures")),
    )
    with op.batch_alter_table("ingest_failures", schema=None) as batch_op:
        batch_op.create_index("ix_ingest_failures_channel_failed_at", ["channel", "failed_at"], unique=False)


def _fill() -> None:
    """What was taken in before has no known adder, and gets its number now."""
    documents = sa.table(
        "documents", sa.column("id"), sa.column("uri"), sa.column("ingested_at"), *map(sa.column, _ADDED)
    )
    connection = op.get_bind()
    ids = list(connection.execute(sa.select(documents.c.id)).scalars())
    lowest = max(10_000, 10 ** len(str(10 * len(ids))))
    numbers: set[int] = set()
    while len(numbers) < len(ids):
        numbers.add(lowest + secrets.randbelow(9 * lowest))
    rest = {
        "place": documents.c.uri,
        "added_by": "",
        "added_in": "",
        "ingest_id": "",
        "added_at": documents.c.ingested_at,
    }
    for document_id, number in zip(ids, numbers, strict=True):
        connection.execute(sa.update(documents).where(documents.c.id == document_id).values(number=number, **rest))


def downgrade() -> None:
    op.drop_table("ingest_failures")
    op.drop_table("ingests")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_documents_ingest_id"))
        batch_op.drop_constraint(batch_op.f("uq_documents_number"), type_="unique")
        for name in reversed(_ADDED):
            batch_op.drop_column(name)
