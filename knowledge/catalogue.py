"""The documents table: the version of a document that it names is the one that answers."""

import secrets
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from knowledge.audience import Audience
from knowledge.documents import Document, Entry, Origin
from knowledge.errors import CatalogueUnavailable
from knowledge.tables import documents, page_links, places, taken_out
from knowledge.validators import NO_VALIDATOR, Validator

_FEWEST_DIGITS = 5
# Of numbers for one document, should others be faster.
_DRAWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the catalogue knows of a document's current version; `cut` names how its text is cut.

    `fingerprint` names the bytes that it was read from, and how; `added_in` is where the document was first added;
    `overheard` is as in the origin of this version.
    """

    content_hash: str
    chunks: int
    title: str = ""
    cut: str = ""
    fingerprint: str = ""
    validator: Validator = NO_VALIDATOR
    is_missing: bool = False
    added_in: str = ""
    overheard: bool = True


class Catalogue:
    """Every method raises CatalogueUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine, *, draw: Callable[[int], int] = secrets.randbelow) -> None:
        """`draw` gives a number from 0 up to below the one that it is given."""
        self._engine = engine
        self._draw = draw

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    async def versions(self, document_ids: Collection[str]) -> dict[str, Version]:
        """The current version of each of these documents; those unknown are absent."""
        if not document_ids:
            return {}
        query = select(documents).where(documents.c.id.in_(document_ids))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return {row.id: _version(row) for row in rows}

    async def put(
        self,
        document: Document,
        *,
        content_hash: str,
        chunks: int,
        cut: str = "",
        fingerprint: str = "",
        validator: Validator = NO_VALIDATOR,
        origin: Origin | None = None,
    ) -> None:
        """Make this the version that answers. Where the document is known, it keeps its number and its origin.

        Whether it was overheard is the version's; without an origin, it is as the version before was.
        """
        now = datetime.now(UTC)
        version = {
            "uri": document.uri,
            "title": document.title,
            "scope": document.scope,
            "content_hash": content_hash,
            "chunks": chunks,
            "ingested_at": now,
            "cut": cut,
            "fingerprint": fingerprint,
            "missing_since": None,
            **_named(validator),
        }
        given = origin or Origin()
        first = {
            "place": given.place or document.uri,
            "added_by": given.added_by,
            "added_in": given.added_in,
            "ingest_id": given.ingest_id,
            "added_at": now,
            "overheard": given.overheard,
        }
        changed = version if origin is None else version | {"overheard": origin.overheard}
        for _ in range(_DRAWS):
            try:
                await self._put(document.id, version | first, changed)
            except CatalogueUnavailable as error:
                # Another process may have drawn the same number in between.
                if not isinstance(error.__cause__, IntegrityError):
                    raise
            else:
                return
        raise CatalogueUnavailable

    async def _put(self, document_id: str, added: dict[str, Any], changed: dict[str, Any]) -> None:
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        async with transaction(self._engine) as connection:
            number = await _free_number(connection, self._draw)
            statement = dialect.insert(documents).values(id=document_id, number=number, **added)
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
            await connection.execute(delete(taken_out).where(taken_out.c.document_id == document_id))

    async def seen(self, document_id: str, validator: Validator | None = None, fingerprint: str | None = None) -> None:
        """Its source still has it, in the version that is known; what is given replaces what was known before."""
        named = {} if validator is None else _named(validator)
        named |= {} if fingerprint is None else {"fingerprint": fingerprint}
        this = documents.c.id == document_id
        async with transaction(self._engine) as connection:
            await connection.execute(update(documents).where(this).values(missing_since=None, **named))

    async def missed(self, document_id: str, at: datetime) -> None:
        """Its source says that it is gone; the first time that it does is kept."""
        this = (documents.c.id == document_id) & documents.c.missing_since.is_(None)
        async with transaction(self._engine) as connection:
            await connection.execute(update(documents).where(this).values(missing_since=at))

    async def remove(self, document_id: str, *, by_person: bool = False) -> bool:
        """Taken out by a person, it stays out when its place is read again. A place without documents is forgotten."""
        this = documents.c.id == document_id
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(documents.c.place, documents.c.scope).where(this))).one_or_none()
            if row is None:
                return False
            await connection.execute(delete(documents).where(this))
            await connection.execute(delete(page_links).where(page_links.c.document_id == document_id))
            if by_person:
                await connection.execute(insert(taken_out).values(document_id=document_id))
            of_place = (documents.c.place == row.place) & (documents.c.scope == row.scope)
            if not await connection.scalar(select(exists().where(of_place))):
                emptied = (places.c.place == row.place) & (places.c.scope == row.scope)
                await connection.execute(delete(places).where(emptied))
            return True

    async def keep_links(self, document_id: str, links: Sequence[str] | None) -> None:
        """Note where a page leads, in the version that is known; None: that is no longer known."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(page_links).where(page_links.c.document_id == document_id))
            if links is not None:
                row = {"document_id": document_id, "links": "\n".join(links)}
                await connection.execute(insert(page_links).values(row))

    async def links(self, document_id: str) -> tuple[str, ...] | None:
        """Where a page leads; None where that was not noted."""
        query = select(page_links.c.links).where(page_links.c.document_id == document_id)
        async with transaction(self._engine) as connection:
            links = await connection.scalar(query)
        return None if links is None else tuple(links.splitlines())

    async def is_taken_out(self, document_id: str) -> bool:
        """Whether a person took it out, and nobody has handed it over since."""
        async with transaction(self._engine) as connection:
            return bool(await connection.scalar(select(exists().where(taken_out.c.document_id == document_id))))

    async def count(self, audience: Audience) -> int:
        """How many documents the audience may read."""
        query = select(func.count()).select_from(documents).where(documents.c.scope.in_(sorted(audience.scopes)))
        async with transaction(self._engine) as connection:
            return (await connection.execute(query)).scalar_one()

    async def listed(self, audience: Audience, *, limit: int | None = None, offset: int = 0) -> list[Entry]:
        """The documents that the audience may read, the last added first."""
        return await self._entries(audience, limit=limit, offset=offset)

    async def numbered(self, number: int, audience: Audience) -> Entry | None:
        found = await self._entries(audience, documents.c.number == number)
        return found[0] if found else None

    async def at(self, uris: Collection[str], audience: Audience) -> list[Entry]:
        """The documents with one of these links: one for each scope that it was taken in for."""
        return await self._entries(audience, documents.c.uri.in_(uris))

    async def of_place(self, place: str, scope: str) -> list[Entry]:
        """What was taken in from this place for these readers."""
        return await self._entries(Audience(scopes=frozenset({scope})), documents.c.place == place)

    async def of_ingest(self, ingest_id: str, audience: Audience) -> list[Entry]:
        """What was added by one ingest, and is still there."""
        return await self._entries(audience, documents.c.ingest_id == ingest_id)

    async def from_places(self, places: Collection[str]) -> list[Entry]:
        """What was taken in from exactly these places, whoever may read it."""
        return await self._entries(None, documents.c.place.in_(places))

    async def from_places_below(self, start: str, *, end: str = "") -> list[Entry]:
        """What was taken in from places that begin and end so, whoever may read it."""
        place = documents.c.place
        return await self._entries(None, place.startswith(start, autoescape=True), place.endswith(end, autoescape=True))

    async def _entries(
        self, audience: Audience | None, *which: ColumnElement[bool], limit: int | None = None, offset: int = 0
    ) -> list[Entry]:
        readable = true() if audience is None else documents.c.scope.in_(sorted(audience.scopes))
        newest_first = documents.c.added_at.desc(), documents.c.number
        query = select(documents).where(readable, *which).order_by(*newest_first).limit(limit).offset(offset)
        async with transaction(self._engine) as connection:
            return [_entry(row) for row in await connection.execute(query)]


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """Raises CatalogueUnavailable when the database cannot be reached."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise CatalogueUnavailable from error


async def _free_number(connection: AsyncConnection, draw: Callable[[int], int]) -> int:
    """A number that no document has, as short as the many others allow."""
    digits = _FEWEST_DIGITS
    while True:
        lowest = 10 ** (digits - 1)
        number = lowest + draw(9 * lowest)
        if await connection.scalar(select(documents.c.id).where(documents.c.number == number)) is None:
            return number
        digits += 1


def _named(validator: Validator) -> dict[str, str]:
    return {
        "validator_url": validator.url,
        "etag": validator.etag,
        "last_modified": validator.last_modified,
    }


def _version(row: Row[Any]) -> Version:
    return Version(
        content_hash=row.content_hash,
        chunks=row.chunks,
        title=row.title,
        cut=row.cut,
        fingerprint=row.fingerprint,
        validator=Validator(url=row.validator_url, etag=row.etag, last_modified=row.last_modified),
        is_missing=row.missing_since is not None,
        added_in=row.added_in,
        overheard=row.overheard,
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        number=row.number,
        uri=row.uri,
        title=row.title,
        scope=row.scope,
        chunks=row.chunks,
        origin=Origin(
            place=row.place,
            added_by=row.added_by,
            added_in=row.added_in,
            ingest_id=row.ingest_id,
            overheard=row.overheard,
        ),
        added_at=row.added_at,
        read_at=row.ingested_at,
        missing_since=row.missing_since,
    )
