"""The index in service, in a process that does not build the next one: where another does, its switch is followed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from knowledge.audience import Audience
from knowledge.documents import Document, Passage
from knowledge.errors import IndexUnavailable
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.in_service import IndexChange, InService, ServiceRecord
from knowledge.index import PassageIndex, SearchMode
from knowledge.layout import PassageStore

_Found = TypeVar("_Found")


class FollowingIndex:
    """Each call looks up which index is in service; what a switch overtakes is done again in the new one."""

    def __init__(
        self,
        *,
        index: PassageIndex,
        name: str,
        record: ServiceRecord,
        open_named: Callable[[InService], Awaitable[PassageIndex]],
        discard: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._index = index
        self._name: str = name
        self._record = record
        self._open_named = open_named
        self._discard = discard
        self._left: list[PassageIndex] = []
        self._moving = asyncio.Lock()

    @property
    def store(self) -> PassageStore:
        return self._index.store

    @property
    def change(self) -> IndexChange | None:
        """None: this process builds none."""
        return None

    @property
    def way_of_cutting(self) -> str:
        return self._index.way_of_cutting

    def content_hash(self, document: Document) -> str:
        return self._index.content_hash(document)

    async def measure(self, document: Document) -> int:
        return await self._index.measure(document)

    async def add(self, document: Document) -> int:
        return await self._write(lambda index: index.add(document))

    async def remove(self, document_id: str, *, all_but: str | None = None) -> None:
        await self._write(lambda index: index.remove(document_id, all_but=all_but))

    async def search(
        self,
        query: str,
        audience: Audience,
        *,
        limit: int,
        only: SearchFilter = UNFILTERED,
        mode: SearchMode = SearchMode.HYBRID,
    ) -> list[Passage]:
        return await self._read(lambda index: index.search(query, audience, limit=limit, only=only, mode=mode))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._read(lambda index: index.embed(texts))

    async def embed_question(self, text: str) -> list[float]:
        return await self._read(lambda index: index.embed_question(text))

    async def chunks(self, chunk_ids: Collection[str], audience: Audience) -> dict[str, Passage]:
        return await self._read(lambda index: index.chunks(chunk_ids, audience))

    async def count(self, document_id: str) -> int:
        return await self._read(lambda index: index.count(document_id))

    async def counts(self, document_ids: Collection[str]) -> dict[str, int]:
        return await self._read(lambda index: index.counts(document_ids))

    async def held(self, document_ids: Collection[str]) -> dict[str, int]:
        """One that another process builds is filled from this one, and cleared of what this one lacks."""
        return await self.counts(document_ids)

    async def settle(self) -> None:
        await self._read(lambda index: index.settle())

    async def warm_up(self) -> None:
        await self._read(lambda index: index.warm_up())

    async def build(self) -> None:
        """Remove what a change that was taken back had begun to build, unless another process may still want it."""
        noted = await self._record.read()
        if noted is not None and noted.is_building and noted.name == self._name and await self._discard(noted.other):
            await self._record.swap(noted, replace(noted, other="", is_building=False, is_by_words=False))

    async def close(self) -> None:
        for index in (*self._left, self._index):
            await index.close()

    async def _read(self, ask: Callable[[PassageIndex], Awaitable[_Found]]) -> _Found:
        while True:
            index = self._index
            try:
                found = await ask(index)
            except IndexUnavailable:
                if not await self._moved_on_from(index):
                    raise
            else:
                if not await self._moved_on_from(index):
                    return found

    async def _write(self, write: Callable[[PassageIndex], Awaitable[_Found]]) -> _Found:
        """In this order: who builds the next index sees the touch before its switch, or this process sees the switch."""

        async def told(index: PassageIndex) -> _Found:
            done = await write(index)
            await self._record.touch()
            return done

        # Looked up before as well: a write would make a collection anew that was removed.
        await self._moved_on_from(self._index)
        return await self._read(told)

    async def _moved_on_from(self, index: PassageIndex) -> bool:
        async with self._moving:
            noted = await self._record.read()
            if noted is not None and noted.name != self._name:
                opened = await self._open_named(noted)
                # Questions may still be on their way in the one before.
                self._left.append(self._index)
                self._index = opened
                self._name = noted.name
            return self._index is not index
