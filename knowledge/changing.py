# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# LlamaIndex's payload dicts are untyped.
"""A new embedding model: its index is built from what is stored while the old one answers, and then takes its place."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

from llama_index.core.vector_stores.utils import metadata_dict_to_node
from pydantic import SecretStr

from knowledge.audience import Audience
from knowledge.documents import Document, Passage
from knowledge.embedding import ThreadedEmbedding, UnitEmbedding, open_embedding
from knowledge.errors import IndexUnavailable
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.in_service import IndexChange, InService, ServiceRecord
from knowledge.index import PassageIndex, SearchMode, index_name, open_index, open_store, remove_store
from knowledge.layout import PassageStore
from knowledge.points import lacking, pages
from knowledge.settings import KnowledgeSettings

_log = logging.getLogger(__name__)
_BATCH = 64


async def open_index_in_service(settings: KnowledgeSettings, record: ServiceRecord) -> "PassageIndex | ChangingIndex":
    """The index in service; where it is another model's than the settings', with the one that is to replace it.

    Raises IndexUnavailable if another process owns one of them.
    """
    wanted = InService(name=index_name(settings), model=settings.embedding_model, url=settings.embedding_url)
    stored = await record.read()
    serving = stored or wanted
    if serving.other and serving.other != wanted.name:
        await remove_store(settings, serving.other)
    if serving.name == wanted.name:
        if stored != wanted:
            await record.put(wanted)
        return await asyncio.to_thread(open_index, settings)
    store = await asyncio.to_thread(open_store, settings, serving.name)
    try:
        new = await asyncio.to_thread(open_index, settings)
    except IndexUnavailable:
        await store.aclose()
        raise
    embedding = await _embedding_of(serving, settings)
    is_by_words = embedding is None
    serving = replace(serving, other=wanted.name, is_building=True, is_by_words=is_by_words)
    await record.put(serving)
    old = PassageIndex(store=store, embedding=embedding or await _stand_in(store), chunk_tokens=settings.chunk_tokens)
    return ChangingIndex(old=old, new=new, serving=serving, wanted=wanted, record=record)


class ChangingIndex:
    """The old index answers and the new one is filled, until `build` is through; what is written goes into both."""

    def __init__(
        self, *, old: PassageIndex, new: PassageIndex, serving: InService, wanted: InService, record: ServiceRecord
    ) -> None:
        self._old = old
        self._new = new
        self._serving = serving
        self._wanted = wanted
        self._record = record
        self._is_switched = False
        self._writing = asyncio.Lock()
        self._reading = 0
        self._unread = asyncio.Event()
        self._unread.set()

    @property
    def change(self) -> IndexChange | None:
        return None if self._is_switched else self._serving.change

    @property
    def way_of_cutting(self) -> str:
        return self._new.way_of_cutting

    def content_hash(self, document: Document) -> str:
        return self._new.content_hash(document)

    async def measure(self, document: Document) -> int:
        return await self._new.measure(document)

    async def add(self, document: Document) -> int:
        """In both, cut alike: the switch changes no document's number of chunks."""
        chunks = await self._new.cut(document)
        async with self._writing:
            await self._new.add_chunks(chunks)
            if not await self._was_switched():
                await self._old.add_chunks(chunks)
        return len(chunks)

    async def search(
        self,
        query: str,
        audience: Audience,
        *,
        limit: int,
        only: SearchFilter = UNFILTERED,
        mode: SearchMode = SearchMode.HYBRID,
    ) -> list[Passage]:
        async with self._in_service() as index:
            if index is self._new or not self._serving.is_by_words:
                return await index.search(query, audience, limit=limit, only=only, mode=mode)
            found = await index.search(query, audience, limit=limit, only=only, mode=SearchMode.BM25)
        return await self._new.compared(query, found)

    async def chunks(self, chunk_ids: Collection[str], audience: Audience) -> dict[str, Passage]:
        async with self._in_service() as index:
            return await index.chunks(chunk_ids, audience)

    async def count(self, document_id: str) -> int:
        async with self._in_service() as index:
            return await index.count(document_id)

    async def counts(self, document_ids: Collection[str]) -> dict[str, int]:
        async with self._in_service() as index:
            return await index.counts(document_ids)

    async def remove(self, document_id: str, *, all_but: str | None = None) -> None:
        async with self._writing:
            await self._new.remove(document_id, all_but=all_but)
            if not await self._was_switched():
                await self._old.remove(document_id, all_but=all_but)

    async def settle(self) -> None:
        async with self._writing:
            await self._new.settle()
            if not await self._was_switched():
                await self._old.settle()

    async def warm_up(self) -> None:
        await self._new.warm_up()
        async with self._in_service() as index:
            await index.warm_up()

    async def build(self) -> None:
        """Embed what the new index lacks, and switch once both hold the same. Goes on where a killed run was.

        Raises IndexUnavailable and CatalogueUnavailable; called again, it goes on.
        """
        while not await self._was_switched():
            # One pass more than was needed: what other processes wrote meanwhile is found by it.
            if not await self._fill() and not await self._clear():
                await self._switch()

    async def close(self) -> None:
        await self._new.close()
        await self._old.close()

    async def _fill(self) -> int:
        """How many points the new index lacked."""
        lacked = 0
        self._serving = replace(self._serving, done=0, total=await self._old.store.total())
        async for ids in pages(self._old.store, _BATCH):
            lacked += await self._embed_anew(await lacking(self._new.store, ids))
            self._serving = replace(self._serving, done=self._serving.done + len(ids))
            await self._record.note_progress(self._serving)
            if await self._was_switched():
                break
        await self._new.settle()
        return lacked

    async def _embed_anew(self, ids: list[str]) -> int:
        points = await self._old.store.points(ids)
        vectors = await self._new.vectors_of([metadata_dict_to_node(dict(point.payload)) for point in points])
        fresh = [replace(point, dense=vector) for point, vector in zip(points, vectors, strict=True)]
        async with self._writing:
            # What was taken out meanwhile must not come back.
            gone = await lacking(self._old.store, ids)
            await self._new.store.put([point for point in fresh if point.id not in gone])
        return len(points)

    async def _clear(self) -> int:
        """How many points of the new index the old one lacked: a killed run, or another process, left them."""
        cleared = 0
        async for ids in pages(self._new.store, _BATCH):
            async with self._writing:
                left = await lacking(self._old.store, ids)
                if left:
                    await self._new.store.drop(left)
            cleared += len(left)
        return cleared

    async def _switch(self) -> None:
        async with self._writing:
            await self._record.put(self._serving.after(self._wanted))
            self._is_switched = True
        _log.info("the index %s is in service in place of %s", self._wanted.name, self._serving.name)
        await self._unread.wait()
        await self._old.store.aclear()
        await self._record.put(self._wanted)

    async def _was_switched(self) -> bool:
        """By this process or another."""
        if not self._is_switched:
            record = await self._record.read()
            self._is_switched = record is not None and record.name == self._wanted.name
        return self._is_switched

    @asynccontextmanager
    async def _in_service(self) -> AsyncGenerator[PassageIndex]:
        if await self._was_switched():
            yield self._new
            return
        self._reading += 1
        self._unread.clear()
        try:
            yield self._old
        finally:
            self._reading -= 1
            if not self._reading:
                self._unread.set()


async def _embedding_of(serving: InService, settings: KnowledgeSettings) -> ThreadedEmbedding | None:
    """What queries to the old index are embedded with; None where it cannot be loaded any more."""
    key = settings.embedding_api_key if serving.url == settings.embedding_url else SecretStr("")
    changes = {"embedding_model": serving.model, "embedding_url": serving.url, "embedding_api_key": key}
    try:
        embedding = open_embedding(settings.model_copy(update=changes))
        await embedding.aget_query_embedding("warm")
    except IndexUnavailable as error:
        _log.warning("%s is searched by words alone until the new index is built: %s", serving.name, error)
        return None
    return embedding


async def _stand_in(store: PassageStore) -> ThreadedEmbedding:
    ids, _ = await store.ids(None, 1)
    held = await store.points(ids)
    return UnitEmbedding(dimensions=len(held[0].dense) if held else 1)
