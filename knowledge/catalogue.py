"""The documents table: the version of a document that it names is the one that answers."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from knowledge.audience import Audience
from knowledge.documents import Document
from knowledge.errors import CatalogueUnavailable
from knowledge.tables import documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the catalogue knows of a document's current version."""

    content_hash: str
    chunks: int


class Catalogue:
    """Every method raises CatalogueUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def versions(self, document_ids: Collection[str]) -> dict[str, Version]:
        """The current version of each of these documents; those unknown are absent."""
        if not document_ids:
            return {}
        query = select(documents.c.id, documents.c.content_hash, documents.c.chunks).where(
            documents.c.id.in_(document_ids)
        )
        async with self._transaction() as connection:
            rows = (await connection.execute(query)).all()
        return {row.id: Version(content_hash=row.content_hash, chunks=row.chunks) for row in rows}

    async def put(self, document: Document, *, content_hash: str, chunks: int) -> None:
        """Make this the version that answers."""
        row = {
            "uri": document.uri,
            "title": document.title,
            "scope": document.scope,
            "content_hash": content_hash,
            "chunks": chunks,
            "ingested_at": datetime.now(UTC),
        }
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(documents).values(id=document.id, **row)
        async with self._transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))

    async def remove(self, document_id: str) -> bool:
        async with self._transaction() as connection:
            return (await connection.execute(delete(documents).where(documents.c.id == document_id))).rowcount > 0

    async def count(self, audience: Audience) -> int:
        """How many documents the audience may read."""
        query = select(func.count()).select_from(documents).where(documents.c.scope.in_(sorted(audience.scopes)))
        async with self._transaction() as connection:
            return (await connection.execute(query)).scalar_one()

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise CatalogueUnavailable from error
