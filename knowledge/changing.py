# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# LlamaIndex's payload dicts are untyped.
"""A new embedding model: its index is built from what is stored while the old one answers, and then takes its place."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from llama_index.core.vector_stores.utils import metadata_dict_to_node

from knowledge.audience import Audience
from knowledge.documents import Document, Passage
from knowledge.errors import IndexUnavailable
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.in_service import IndexChange, InService, ServiceRecord
from knowledge.index import PassageIndex, SearchMode
from knowledge.points import lacking, pages

_log = logging.getLogger(__name__)
_BATCH = 64
_OVERTAKEN = (
    "Another process has put another index into service, or builds another one: "
    "give all that share this database the same TANDEM_EMBEDDING_MODEL and TANDEM_EMBEDDING_URL, and start them again"
)
_Found = TypeVar("_Found")


async def keep(name: str) -> bool:
    """Leave an index that another process may still want; False, since it is still there."""
    _log.warning("the index %s is half built and not wanted by this setting: it stays where it is", name)
    return False


class ChangingIndex:
    """The old index answers and the new one is filled, until `build` is through; what is written goes into both."""

    def __init__(
        self,
        *,
        old: PassageIndex,
        new: PassageIndex,
        serving: InService,
        wanted: InService,
        record: ServiceRecord,
        discard: Callable[[str], Awaitable[bool]] = keep,
    ) -> None:
        """`discard` is called with the name of an index that a change to a third model had begun to build."""
        self._old = old
        self._new = new
        self._serving = serving
        self._wanted = wanted
        self._record = record
        self._discard = discard
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
            await self._in_old(lambda old: old.add_chunks(chunks))
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
        async def ask(index: PassageIndex) -> list[Passage]:
            if index is self._new or not self._serving.is_by_words:
                return await index.search(query, audience, limit=limit, only=only, mode=mode)
            found = await index.search(query, audience, limit=limit, only=only, mode=SearchMode.BM25)
            return await self._new.compared(query, found)

        return await self._read(ask)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """By the model that is wanted: vectors of two models cannot be compared."""
        return await self._new.embed(texts)

    async def embed_question(self, text: str) -> list[float]:
        return await self._new.embed_question(text)

    async def chunks(self, chunk_ids: Collection[str], audience: Audience) -> dict[str, Passage]:
        return await self._read(lambda index: index.chunks(chunk_ids, audience))

    async def count(self, document_id: str) -> int:
        return await self._read(lambda index: index.count(document_id))

    async def counts(self, document_ids: Collection[str]) -> dict[str, int]:
        return await self._read(lambda index: index.counts(document_ids))

    async def held(self, document_ids: Collection[str]) -> dict[str, int]:
        """In the index that answers or in the one that is built, whichever holds more."""
        here, there = await self.counts(document_ids), await self._new.counts(document_ids)
        return {each: max(here.get(each, 0), there.get(each, 0)) for each in here.keys() | there.keys()}

    async def remove(self, document_id: str, *, all_but: str | None = None) -> None:
        async with self._writing:
            await self._new.remove(document_id, all_but=all_but)
            await self._in_old(lambda old: old.remove(document_id, all_but=all_but))

    async def settle(self) -> None:
        async with self._writing:
            await self._new.settle()
            await self._in_old(lambda old: old.settle())

    async def warm_up(self) -> None:
        await self._new.warm_up()
        await self._read(lambda index: index.warm_up())

    async def build(self) -> None:
        """Embed what the new index lacks, and switch once both hold the same. Goes on where a killed run was.

        Raises IndexUnavailable and CatalogueUnavailable; called again, it goes on.
        """
        await self._claim()
        while not await self._was_switched():
            # One pass more than was needed: what other processes wrote meanwhile is found by it.
            if not await self._fill() and not await self._clear():
                await self._switch()

    async def close(self) -> None:
        await self._new.close()
        await self._old.close()

    async def _claim(self) -> None:
        """Have the record name the index that is built; what it named before is no longer wanted by any setting here."""
        noted = await self._record.read()
        if noted is None or noted.name == self._wanted.name:
            return
        if noted.name != self._serving.name:
            raise IndexUnavailable(_OVERTAKEN)
        if noted.other not in {"", self._wanted.name}:
            await self._discard(noted.other)
        if not await self._record.swap(noted, self._serving):
            raise IndexUnavailable(_OVERTAKEN)

    async def _fill(self) -> int:
        """How many points the new index lacked, and how often others wrote into the old one alone meanwhile."""
        lacked = 0
        await self._note(done=0, total=await self._old.store.total())
        async for ids in pages(self._old.store, _BATCH):
            lacked += await self._embed_anew(await lacking(self._new.store, ids))
            lacked += not await self._note(done=self._serving.done + len(ids), total=self._serving.total)
            if await self._was_switched():
                break
        await self._new.settle()
        return lacked

    async def _note(self, *, done: int, total: int) -> bool:
        """False where others wrote since the last note."""
        before, self._serving = self._serving, replace(self._serving, done=done, total=total)
        if await self._record.note_progress(before, self._serving):
            return True
        if not await self._record.swap(before, self._serving) and not await self._was_switched():
            raise IndexUnavailable(_OVERTAKEN)
        return False

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
        """Unless others wrote since the last pass: then one more is needed."""
        replaced = self._serving.after(self._wanted)
        async with self._writing:
            if not await self._record.swap(self._serving, replaced, untouched=True):
                await self._note(done=0, total=self._serving.total)
                return
            self._is_switched = True
        _log.info("the index %s is in service in place of %s", self._wanted.name, self._serving.name)
        await self._unread.wait()
        await self._old.store.aclear()
        await self._record.swap(replaced, self._wanted)

    async def _was_switched(self) -> bool:
        """By this process or another; it never is again."""
        if not self._is_switched:
            noted = await self._record.read()
            if noted is not None and noted.name == self._wanted.name:
                self._is_switched = True
        return self._is_switched

    async def _read(self, ask: Callable[[PassageIndex], Awaitable[_Found]]) -> _Found:
        """Ask the old one; where the switch overtakes the question, the new one, since the old one goes away under it."""
        if not self._is_switched:
            with self._reading_old():
                if not await self._was_switched():
                    try:
                        found = await ask(self._old)
                    except IndexUnavailable:
                        if not await self._was_switched():
                            raise
                    else:
                        if not await self._was_switched():
                            return found
        return await ask(self._new)

    async def _in_old(self, write: Callable[[PassageIndex], Awaitable[None]]) -> None:
        """Write what the new one holds by now into the old one too, for as long as there is one."""
        if await self._was_switched():
            return
        try:
            await write(self._old)
        except IndexUnavailable:
            if not await self._was_switched():
                raise

    @contextmanager
    def _reading_old(self) -> Generator[None]:
        """Entered before the record is asked, so that this process removes no index that is about to be searched."""
        self._reading += 1
        self._unread.clear()
        try:
            yield
        finally:
            self._reading -= 1
            if not self._reading:
                self._unread.set()
