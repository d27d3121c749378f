"""The team's documents: taken in, kept current, and searched within an audience."""

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import PUBLIC, Audience, parse_scope
from knowledge.catalogue import Catalogue
from knowledge.collecting import Collector
from knowledge.documents import Document, Entry, IngestResult, IngestStatus, Origin, Passage, Preview
from knowledge.duplicates import collapse
from knowledge.errors import SourceError, SourceNotFound, SourceRefused, SourceUnreadable
from knowledge.fetching import Fetcher
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.freshness import favour_new
from knowledge.in_service import IndexChange, ServiceRecord
from knowledge.kinds import kind_of
from knowledge.neighbours import neighbours_of, widen
from knowledge.parsing import Parsed, Parser
from knowledge.rerank import Reranker, open_reranker
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content, Source, uris_of

if TYPE_CHECKING:
    from knowledge.changing import ChangingIndex
    from knowledge.index import PassageIndex

# The embedding model reads 256 tokens; more only costs time.
_QUERY_CHARS = 2000
# More hits than asked for, since those of versions that no longer answer are dropped.
_SPARE_HITS = 8
# Where those fill all of them, as after a large document's killed run, one more search goes this far.
_MOST_HITS = 400
_PUBLIC_COPY = "It was also taken in for everyone, and that copy stays readable by everyone"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_NO_DOCUMENT = str(uuid.UUID(int=0))
_HAS_WORD = re.compile(r"\w")
_NO_ORIGIN = Origin()
# As many digits as every database holds.
_NUMBER = re.compile(r"[0-9]{1,9}")


async def open_library(settings: KnowledgeSettings, engine: AsyncEngine) -> "Library":
    """Raises IndexUnavailable if another process owns the embedded index. The embedding model loads at first use."""
    # LlamaIndex takes two seconds to import, which a process that only names these types does without.
    from knowledge.changing import open_index_in_service  # noqa: PLC0415

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
        index: "PassageIndex | ChangingIndex",
        catalogue: Catalogue,
        parser: Parser,
        fetcher: Fetcher,
        settings: KnowledgeSettings,
        reranker: Reranker | None = None,
    ) -> None:
        self._reranker = reranker
        self._index = index
        self._catalogue = catalogue
        self._parser = parser
        self._collector = Collector(fetcher=fetcher, parser=parser, settings=settings)
        self._settings = settings
        self._writing = asyncio.Lock()

    async def search(
        self, query: str, audience: Audience, *, limit: int = 8, widen_to: int = 0, only: SearchFilter = UNFILTERED
    ) -> list[Passage]:
        """Passages of current documents that everyone in the audience may read, best first; of copies, one.

        Chunks that stand side by side are made one passage, and shorter ones widened by their neighbours, as long as
        none grows beyond `widen_to` characters; with 0 each passage is a chunk as it was found.
        """
        text = _CONTROL.sub(" ", query[:_QUERY_CHARS]).strip()
        if not audience.scopes or not _HAS_WORD.search(text) or limit < 1:
            return []
        wanted = limit + _SPARE_HITS
        if self._reranker is not None:
            wanted = max(wanted, self._settings.rerank_hits)
        hits = await self._index.search(text, audience, limit=wanted, only=only)
        current = await self._current(hits)
        if len(collapse(current, text, limit=limit)) < limit and len(hits) == wanted:
            current = await self._current(
                await self._index.search(text, audience, limit=max(wanted, _MOST_HITS), only=only)
            )
        if self._reranker is not None:
            current = await self._reranker.rerank(text, current)
        ordered = favour_new(
            current,
            weight=self._settings.freshness_weight,
            half_life=timedelta(days=self._settings.freshness_half_life_days),
        )
        different = collapse(ordered, text, limit=wanted)
        return (await self._widened(different, audience, widen_to))[:limit]

    async def ingest(
        self, place: str, scope: str, origin: Origin = _NO_ORIGIN, *, whole_site: bool = False
    ) -> AsyncIterator[IngestResult]:
        """Take in a file, a folder, a zip archive, a page or a site; one result per document, failures among them.

        Raises InvalidScope for a scope that is none, before anything is read.
        """
        scope = parse_scope(scope)
        try:
            async with aclosing(self._collector.sources(place, whole_site=whole_site)) as sources:
                async for source in sources:
                    async for result in self._ingest_source(source, scope, replace(origin, place=place)):
                        yield result
        except SourceError as error:
            yield _failed(place, place, error)
        await self._index.settle()

    async def ingest_bytes(
        self, data: bytes, *, name: str, uri: str, scope: str, origin: Origin = _NO_ORIGIN
    ) -> list[IngestResult]:
        """Take in an uploaded file, or what is in an uploaded archive. Raises InvalidScope for a scope that is none."""
        source = Source(uri=uri, name=name, content=Content(data=data))
        results = [result async for result in self._ingest_source(source, parse_scope(scope), origin)]
        await self._index.settle()
        return results

    async def preview(self, url: str) -> Preview:
        """Read a page as `ingest` would, and keep nothing of it. Raises SourceError."""
        source, content = await self._collector.page(url)
        parsed = await self._parse(content, name=source.name)
        document = Document(uri=source.uri, title=parsed.title, text=parsed.text, scope=PUBLIC)
        chunks = await self._index.measure(document)
        return Preview(uri=source.uri, title=parsed.title, size=len(content.data), chunks=chunks, text=parsed.text)

    async def refresh(self, entry: Entry, data: bytes | None = None, *, name: str = "") -> IngestResult:
        """Read a known document again; `data` is a file that was handed over in Slack, as it is there now."""
        if data is None:
            try:
                source = await self._collector.again(entry)
            except SourceError as error:
                return _failed(entry.uri, entry.title, error)
        else:
            source = Source(uri=entry.uri.partition("#")[0], name=name, content=Content(data=data))
        result = await self._read_again(source, entry)
        await self._index.settle()
        return result

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

    async def count(self, audience: Audience) -> int:
        """How many documents the audience may read."""
        return await self._catalogue.count(audience)

    async def ready(self) -> bool:
        """Whether the index answers. Raises IndexUnavailable where it does not."""
        return await self._index.count(_NO_DOCUMENT) == 0

    async def remove(self, document_id: str) -> bool:
        """Take a document out of the index and the catalogue; False if there was none."""
        async with self._writing:
            # In this order: a run that is killed in between leaves a document that is still listed, and can be removed.
            await self._index.remove(document_id)
            was_there = await self._catalogue.remove(document_id)
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

    async def _current(self, hits: list[Passage]) -> list[Passage]:
        versions = await self._catalogue.versions({hit.document_id for hit in hits})
        return [
            hit
            for hit in hits
            if hit.document_id in versions and versions[hit.document_id].content_hash == hit.content_hash
        ]

    async def _widened(self, hits: list[Passage], audience: Audience, widen_to: int) -> list[Passage]:
        if not widen_to:
            return hits
        neighbours = await self._index.chunks(neighbours_of(hits, widen_to=widen_to), audience)
        return widen(hits, neighbours, widen_to=widen_to)

    async def _ingest_source(self, source: Source, scope: str, origin: Origin) -> AsyncGenerator[IngestResult]:
        try:
            async with aclosing(self._collector.documents(source)) as documents:
                async for document in documents:
                    yield await self._ingest_document(document, scope, origin)
        except SourceError as error:
            yield _failed(source.uri, source.name, error)

    async def _read_again(self, source: Source, entry: Entry) -> IngestResult:
        """The document is the source itself, or a member of it where its link goes on with a path within."""
        if "#" not in entry.uri or source.uri == entry.uri:
            return await self._ingest_document(source, entry.scope, None)
        try:
            async with aclosing(self._collector.documents(source, only=entry.uri)) as members:
                async for member in members:
                    if member.uri == entry.uri:
                        return await self._ingest_document(member, entry.scope, None)
            raise SourceNotFound(f"It is no longer in “{source.name}”")
        except SourceError as error:
            return _failed(entry.uri, entry.title, error)

    async def _ingest_document(self, source: Source, scope: str, origin: Origin | None) -> IngestResult:
        try:
            content = await self._collector.content(source)
        except SourceError as error:
            return _failed(source.uri, source.name, error)
        return await self._take_in(content, name=source.name, uri=source.uri, scope=scope, origin=origin)

    async def _take_in(
        self, content: Content, *, name: str, uri: str, scope: str, origin: Origin | None
    ) -> IngestResult:
        """Without an origin, only what is known is read again."""
        try:
            parsed = await self._parse(content, name=name)
        except SourceError as error:
            return _failed(uri, name, error)
        document = Document(
            uri=uri,
            title=parsed.title,
            text=parsed.text,
            scope=scope,
            # What a page says of itself counts more: many servers announce the moment at which they made it up.
            modified_at=parsed.modified or content.modified_at,
            kind=kind_of(name, content.content_type) or "",
            author=parsed.author or "",
        )
        try:
            async with self._writing:
                status, chunks = await self._bring_up_to_date(document, origin)
                public = await self._catalogue.versions({document.public_id} - {document.id})
        except SourceError as error:
            return _failed(uri, name, error)
        note = _PUBLIC_COPY if public else None
        return IngestResult(uri=uri, title=document.title, status=status, chunks=chunks, error=note)

    async def _parse(self, content: Content, *, name: str) -> Parsed:
        limit = self._settings.max_document_bytes
        if len(content.data) > limit:
            raise SourceRefused(f"“{name}” is larger than {limit:,} bytes")
        return await self._parser.parse(
            content.data, name=name, content_type=content.content_type, is_web_page=content.is_web_page
        )

    async def _bring_up_to_date(self, document: Document, origin: Origin | None) -> tuple[IngestStatus, int]:
        """New chunks first, then the catalogue, then the old chunks out: at every line one whole version answers.

        Raises SourceUnreadable for a document without a chunk, SourceNotFound for one without an origin that is gone.
        """
        known = (await self._catalogue.versions({document.id})).get(document.id)
        if known is None and origin is None:
            raise SourceNotFound("It was taken out while it was read again")
        content_hash = self._index.content_hash(document)
        is_same = known is not None and known.content_hash == content_hash
        # The count tells of a run that was killed, and of an index that was lost or is another model's.
        if known is not None and is_same and await self._index.count(document.id) == known.chunks:
            return "unchanged", known.chunks
        chunks = await self._index.add(document)
        if not chunks:
            raise SourceUnreadable(f"“{document.title}” holds no text to search in")
        await self._catalogue.put(document, content_hash=content_hash, chunks=chunks, origin=origin)
        await self._index.remove(document.id, all_but=content_hash)
        return ("updated" if known else "added"), chunks


def _failed(uri: str, title: str, error: SourceError) -> IngestResult:
    return IngestResult(uri=uri, title=title, status="failed", error=str(error))
