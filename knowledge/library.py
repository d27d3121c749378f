"""The team's documents: taken in, kept current, and searched within an audience."""

import asyncio
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import PUBLIC, Audience, parse_scope
from knowledge.catalogue import Catalogue
from knowledge.collecting import Collector
from knowledge.documents import Document, Entry, IngestResult, IngestStatus, Origin, Passage, Preview
from knowledge.errors import KnowledgeError
from knowledge.fetching import Fetcher
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.in_service import IndexChange, ServiceRecord
from knowledge.ingesting import Ingester, Workers
from knowledge.parsing import Parser
from knowledge.refreshing import Refresher
from knowledge.register import KnownPlace, Register
from knowledge.rerank import Reranker, open_reranker
from knowledge.samples import sample
from knowledge.searching import Searcher
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content, Source, uris_of
from knowledge.writing import Writer

if TYPE_CHECKING:
    from knowledge.opening import ServingIndex

_NO_DOCUMENT = str(uuid.UUID(int=0))
_NO_ORIGIN = Origin()
# As many digits as every database holds.
_NUMBER = re.compile(r"[0-9]{1,9}")


async def open_library(settings: KnowledgeSettings, engine: AsyncEngine) -> "Library":
    """Raises IndexUnavailable if another process owns the embedded index. The embedding model loads at first use."""
    # LlamaIndex takes two seconds to import, which a process that only names these types does without.
    from knowledge.opening import open_index_in_service  # noqa: PLC0415

    index = await open_index_in_service(settings, ServiceRecord(engine))
    return Library(
        index=index,
        catalogue=Catalogue(engine),
        parser=Parser(settings),
        fetcher=Fetcher(settings),
        settings=settings,
        reranker=open_reranker(settings),
    )


class Library:
    def __init__(
        self,
        *,
        index: "ServingIndex",
        catalogue: Catalogue,
        parser: Parser,
        fetcher: Fetcher,
        settings: KnowledgeSettings,
        reranker: Reranker | None = None,
    ) -> None:
        self._index = index
        self._reranker = reranker
        self._searcher = Searcher(index=index, catalogue=catalogue, settings=settings, reranker=reranker)
        self._catalogue = catalogue
        self._parser = parser
        self._collector = Collector(fetcher=fetcher, parser=parser, settings=settings)
        self._register = Register(catalogue.engine)
        self._writer = Writer(index=index, catalogue=catalogue, parser=parser, settings=settings)
        self._settings = settings

    @property
    def _ingester(self) -> Ingester:
        return Ingester(collector=self._collector, register=self._register, writer=self._writer)

    @property
    def _refresher(self) -> Refresher:
        return Refresher(ingester=self._ingester, catalogue=self._catalogue)

    async def search(
        self, query: str, audience: Audience, *, limit: int = 8, widen_to: int = 0, only: SearchFilter = UNFILTERED
    ) -> list[Passage]:
        """Passages of current documents that everyone in the audience may read, best first; of copies, one.

        Chunks that stand side by side are made one passage, and shorter ones widened by their neighbours, as long as
        none grows beyond `widen_to` characters; with 0 each passage is a chunk as it was found.
        """
        return await self._searcher.search(query, audience, limit=limit, widen_to=widen_to, only=only)

    async def sample(self, audience: Audience, *, limit: int, seed: int, aside: Collection[str] = ()) -> list[Passage]:
        """Some passages of documents that the audience may read and that may be learnt from, the same by the same seed.

        `aside` are ids of documents or of places that are set aside.
        """
        return await sample(self._index, self._catalogue.engine, audience, limit=limit, seed=seed, aside=aside)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts, by the model that questions are embedded with: to say how near they are to one another.

        Where documents are taken in, they wait with them.
        """
        return await self._index.embed(texts)

    async def embed_question(self, text: str) -> list[float]:
        """The vector of a question, which waits for no document."""
        return await self._index.embed_question(text)

    @property
    def embedding_name(self) -> str:
        """What tells the vectors of `embed` and `embed_question` from those of another model."""
        return self._settings.embedding_name

    async def ingest(
        self,
        place: str,
        scope: str,
        origin: Origin = _NO_ORIGIN,
        *,
        whole_site: bool = False,
        workers: Workers | None = None,
    ) -> AsyncIterator[IngestResult]:
        """Take in a file, a folder, a zip archive, a page or a site; one result per document, failures among them.

        Where there are `workers`, they do what `take_in` does, and only what has changed is handed to them. Raises InvalidScope for a scope that is none, before anything is read.
        """
        scope = parse_scope(scope)
        origin = replace(origin, place=place, whole_site=whole_site, overheard=False)
        async with aclosing(self._ingester.place(scope, origin, workers=workers)) as results:
            async for result in results:
                yield result
        await self._index.settle()

    async def take_in(self, source: Source, scope: str, origin: Origin) -> IngestResult:
        """Take in one document of a place that another process lists."""
        return await self._ingester.document(source, parse_scope(scope), origin)

    async def ingest_bytes(
        self, data: bytes, *, name: str, uri: str, scope: str, origin: Origin = _NO_ORIGIN
    ) -> list[IngestResult]:
        """Take in an uploaded file, or what is in an uploaded archive. Raises InvalidScope for a scope that is none."""
        source = Source(uri=uri, name=name, content=Content(data=data))
        results = await self._ingester.upload(source, parse_scope(scope), origin)
        await self._index.settle()
        return results

    async def ingest_text(self, document: Document, origin: Origin) -> IngestResult:
        """Take in what needs no parsing, such as a thread of messages; `origin.place` says where it is found again."""
        result = await self._writer.bring_in(document, origin, name=document.title)
        await self._index.settle()
        return result

    async def preview(self, url: str) -> Preview:
        """Read a page as `ingest` would, and keep nothing of it. Raises SourceError."""
        source, content = await self._collector.page(url)
        parsed = await self._writer.parse(content, name=source.name)
        document = Document(uri=source.uri, title=parsed.title, text=parsed.text, scope=PUBLIC)
        chunks = await self._index.measure(document)
        return Preview(uri=source.uri, title=parsed.title, size=len(content.data), chunks=chunks, text=parsed.text)

    async def refresh(
        self, entry: Entry, data: bytes | None = None, *, name: str = "", at_once: bool = False
    ) -> IngestResult:
        """Read a known document again; `data` is a file that was handed over in Slack, as it is there now.

        One that its place no longer holds is removed when it is missing again an hour later, or `at_once`.
        """
        given = None if data is None else Source(uri=entry.uri.partition("#")[0], name=name, content=Content(data=data))
        result = await self._refresher.again(entry, given, at_once=at_once)
        await self._index.settle()
        return result

    async def missed(self, entry: Entry, why: str, *, at_once: bool = False) -> IngestResult:
        """A document that was handed over in Slack is no longer there: removed as `refresh` would."""
        result = await self._refresher.missed(entry, why, at_once=at_once)
        await self._index.settle()
        return result

    async def refresh_place(self, place: KnownPlace) -> AsyncIterator[IngestResult]:
        """Read a place again: what it still holds, what is new there, and what it no longer lists.

        What happened is noted when all is read.
        """
        await self._register.begin(place)
        counts: Counter[IngestStatus] = Counter()
        try:
            async with aclosing(self._refresher.place(place)) as results:
                async for result in results:
                    counts[result.status] += 1
                    yield result
            await self._index.settle()
        except (asyncio.CancelledError, GeneratorExit, KnowledgeError):
            # Broken off by us, or by what passes: that is not the place's doing.
            await self._register.leave(place)
            raise
        await self.place_read(place, counts)

    async def place_read(self, place: KnownPlace, counts: Mapping[IngestStatus, int]) -> None:
        """Note what came of reading a place again."""
        changed = counts.get("added", 0) + counts.get("updated", 0)
        await self._register.done(
            place, changed=changed, removed=counts.get("removed", 0), failed=counts.get("failed", 0)
        )

    async def places(self, reference: str, audience: Audience) -> list[KnownPlace]:
        """The places of this name that hold more than a document of that name, of what the audience may read."""
        names = await asyncio.to_thread(uris_of, reference, self._settings.fetch_allow_hosts)
        found = await self._register.named(names, audience)
        alone = {entry.scope for entry in await self.find(reference, audience)}
        return [place for place in found if place.whole_site or place.scope not in alone]

    async def places_due(self, before: datetime) -> list[KnownPlace]:
        """The places last read before then, the longest ago first."""
        return await self._register.due(before)

    async def places_read(self, audience: Audience, *, limit: int) -> list[KnownPlace]:
        """The places that the audience may read, the last read first."""
        return await self._register.last_read(audience, limit=limit)

    async def of_place(self, place: KnownPlace) -> list[Entry]:
        """What was taken in from a place."""
        return await self._catalogue.of_place(place.place, place.scope)

    async def documents(self, audience: Audience, *, limit: int | None = None, offset: int = 0) -> list[Entry]:
        """The documents that the audience may read, the last added first."""
        return await self._catalogue.listed(audience, limit=limit, offset=offset)

    async def find(self, reference: str, audience: Audience) -> list[Entry]:
        """What is known by this number or link, of what the audience may read; more than one where scopes differ."""
        if _NUMBER.fullmatch(reference):
            entry = await self._catalogue.numbered(int(reference), audience)
            return [] if entry is None else [entry]
        links = await asyncio.to_thread(uris_of, reference, self._settings.fetch_allow_hosts)
        return await self._catalogue.at(links, audience)

    async def of_ingest(self, ingest_id: str, audience: Audience) -> list[Entry]:
        """What one ingest added and is still there, of what the audience may read."""
        return await self._catalogue.of_ingest(ingest_id, audience)

    async def from_places(self, *places: str) -> list[Entry]:
        """What was taken in from exactly these places, whoever may read it: to keep it current, never to be shown."""
        return await self._catalogue.from_places(places)

    async def from_places_below(self, start: str, *, end: str = "") -> list[Entry]:
        """What was taken in from places that begin and end so, whoever may read it: never to be shown."""
        return await self._catalogue.from_places_below(start, end=end)

    async def count(self, audience: Audience) -> int:
        """How many documents the audience may read."""
        return await self._catalogue.count(audience)

    async def count_passages(self, document_ids: Sequence[str]) -> dict[str, int]:
        """How many the index holds of each of these documents, listed or not, of all versions; absent where none.

        While another index is built, the fuller of both counts. Raises IndexUnavailable.
        """
        return await self._index.held(document_ids)

    async def ready(self) -> bool:
        """Whether the index answers. Raises IndexUnavailable where it does not."""
        return await self._index.count(_NO_DOCUMENT) == 0

    async def remove(self, document_id: str) -> bool:
        """Take a document out of the index and the catalogue; False if there was none.

        Reading its place again does not bring it back; taking it in again does.
        """
        was_there = await self._writer.remove(document_id, by_person=True)
        await self._index.settle()
        return was_there

    async def warm_up(self) -> None:
        """Load the embedding model, so that the first question does not wait for it."""
        await self._index.warm_up()

    @property
    def index_change(self) -> IndexChange | None:
        """How far the index of another embedding model is built, where one is."""
        return self._index.change

    async def build_index(self) -> None:
        """Finish a change of the embedding model, where one is under way. Raises IndexUnavailable; again, it goes on."""
        await self._index.build()

    async def close(self) -> None:
        if self._reranker is not None:
            await self._reranker.close()
        await self._parser.close()
        await self._index.close()
