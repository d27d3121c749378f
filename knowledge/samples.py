"""Passages to learn from: some chunks of the documents that may be learnt from, drawn by a seed."""

import hashlib
import heapq
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, false, select
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import Audience
from knowledge.catalogue import transaction
from knowledge.documents import Passage, chunk_id, document_id
from knowledge.tables import documents

if TYPE_CHECKING:
    from knowledge.opening import ServingIndex

_PAGE = 1000
_Found = Row[*tuple[Any, ...]]


async def sample(
    index: "ServingIndex",
    engine: AsyncEngine,
    audience: Audience,
    *,
    limit: int,
    seed: int,
    aside: Collection[str] = (),
    page_size: int = _PAGE,
) -> list[Passage]:
    """Up to `limit` passages that the audience may read, in an order of the seed's; of the same library the same ones.

    Of a document that was overheard, whose source says that it is gone, or that is set aside (`aside` holds ids by
    document or by place), there are none. Each draw is of a document and a chunk by their own names: one that comes or
    changes leaves the others' draws alone. Raises CatalogueUnavailable and IndexUnavailable.
    """
    drawn = await _draw(_learnable(engine, audience, page_size), limit, seed, set(aside))
    each = -(-limit // len(drawn)) if drawn else 0
    ids = [chunk for document in drawn for chunk in _chunks(document, each, seed)]
    found = await index.chunks(ids, audience)
    return [replace(found[chunk], overheard=False) for chunk in ids if chunk in found][:limit]


async def _learnable(engine: AsyncEngine, audience: Audience, page_size: int) -> AsyncIterator[Sequence[_Found]]:
    table, after = documents.c, ""
    learnable = (
        table.scope.in_(sorted(audience.scopes)),
        table.overheard == false(),
        table.missing_since.is_(None),
        table.chunks > 0,
    )
    columns = (table.id, table.scope, table.place, table.content_hash, table.chunks)
    while True:
        query = select(*columns).where(*learnable, table.id > after).order_by(table.id).limit(page_size)
        async with transaction(engine) as connection:
            page = list((await connection.execute(query)).all())
        if page:
            yield page
        if len(page) < page_size:
            return
        after = page[-1].id


async def _draw(pages: AsyncIterator[Sequence[_Found]], limit: int, seed: int, aside: set[str]) -> list[_Found]:
    """Those that come first by the seed; no more are held at once than these and a page."""
    first: list[_Found] = []
    async for page in pages:
        kept = [row for row in page if aside.isdisjoint({row.id, document_id(row.place, row.scope)})]
        first = heapq.nsmallest(limit, [*first, *kept], key=lambda row: _rank(seed, row.id))
    return first


def _chunks(document: _Found, count: int, seed: int) -> list[str]:
    """Of the version that answers, so many chunks."""
    numbers = range(document.chunks)
    drawn = heapq.nsmallest(count, numbers, key=lambda number: _rank(seed, f"{document.id} {number}"))
    return [chunk_id(document.id, document.content_hash, number) for number in drawn]


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
