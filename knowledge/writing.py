"""A document's version brought into the index and the catalogue, or the document taken out of both."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from knowledge.audience import PUBLIC
from knowledge.catalogue import Catalogue, Version
from knowledge.documents import Document, IngestResult, IngestStatus, Origin, document_id, failed
from knowledge.errors import SourceError, SourceNotFound, SourceRefused, SourceUnreadable
from knowledge.fingerprints import Fingerprints
from knowledge.kinds import kind_of
from knowledge.parsing import Parsed, Parser
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content
from knowledge.validators import NO_VALIDATOR, Validator

if TYPE_CHECKING:
    from knowledge.opening import ServingIndex

# Of the links of one page.
_LINKS_CHARS = 20_000
_PUBLIC_COPY = "It was also taken in for everyone, and that copy stays readable by everyone"


class Writer:
    """Documents are written side by side, each by one at a time. Raises IndexUnavailable and CatalogueUnavailable."""

    def __init__(
        self,
        *,
        index: "ServingIndex",
        catalogue: Catalogue,
        parser: Parser,
        settings: KnowledgeSettings,
    ) -> None:
        self.index = index
        self._catalogue = catalogue
        self._parser = parser
        self._settings = settings
        self._writing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Two at once could draw the same number.
        self._listing = asyncio.Lock()

    @property
    def fingerprints(self) -> Fingerprints:
        """Of what would be written now."""
        way = f"{self._parser.way_of_reading} {self.index.way_of_cutting}"
        return Fingerprints(way=way, max_bytes=self._settings.max_document_bytes)

    async def unchanged(
        self, fingerprints: Mapping[str, str], scope: str, validator: Validator = NO_VALIDATOR
    ) -> dict[str, IngestResult]:
        """Of documents by `uri`, the results of those that are there as they would be read again."""
        ids = {uri: document_id(uri, scope) for uri in fingerprints}
        public_ids = {uri: document_id(uri, PUBLIC) for uri in fingerprints}
        versions = await self._catalogue.versions({*ids.values(), *public_ids.values()})
        known = {uri: versions[ids[uri]] for uri in fingerprints if ids[uri] in versions}
        same = {uri: version for uri, version in known.items() if version.fingerprint == fingerprints[uri]}
        # The count tells of a run that was killed, and of an index that was lost or is another model's.
        counts = await self.index.counts([ids[uri] for uri in same])
        whole = {uri: version for uri, version in same.items() if counts.get(ids[uri]) == version.chunks}
        for uri, version in whole.items():
            if version.is_missing or version.validator != validator:
                await self._catalogue.seen(ids[uri], validator)
        return {
            uri: IngestResult(
                uri=uri,
                title=version.title,
                status="unchanged",
                chunks=version.chunks,
                error=_PUBLIC_COPY if public_ids[uri] != ids[uri] and public_ids[uri] in versions else None,
            )
            for uri, version in whole.items()
        }

    async def still_there(self, uris: Iterable[str], scope: str) -> dict[str, IngestResult]:
        """The results of known pages that their server says have not changed; those unknown are absent."""
        ids = {uri: document_id(uri, scope) for uri in uris}
        versions = await self._catalogue.versions(set(ids.values()))
        for known in versions:
            await self._catalogue.seen(known)
        return {
            uri: IngestResult(uri=uri, title=versions[known].title, status="unchanged", chunks=versions[known].chunks)
            for uri, known in ids.items()
            if known in versions
        }

    async def take_in(
        self, content: Content, *, name: str, uri: str, scope: str, origin: Origin | None
    ) -> IngestResult:
        """Without an origin, only what is known is read again."""
        result = await self._take_in(content, name=name, uri=uri, scope=scope, origin=origin)
        if result.status != "failed" and content.links is not None:
            # Not kept of a page with more than that: it is sent again each time.
            links = content.links if sum(map(len, content.links)) <= _LINKS_CHARS else None
            await self._catalogue.keep_links(document_id(uri, scope), links)
        return result

    async def _take_in(
        self, content: Content, *, name: str, uri: str, scope: str, origin: Origin | None
    ) -> IngestResult:
        try:
            self._check_size(content, name)
            fingerprint = await asyncio.to_thread(self.fingerprints.of_content, content, name=name)
            unchanged = await self.unchanged({uri: fingerprint}, scope, content.validator)
            if uri in unchanged:
                return unchanged[uri]
            parsed = await self.parse(content, name=name)
        except SourceError as error:
            return failed(uri, name, error)
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
        return await self.bring_in(document, origin, name=name, validator=content.validator, fingerprint=fingerprint)

    async def bring_in(
        self,
        document: Document,
        origin: Origin | None,
        *,
        name: str,
        validator: Validator = NO_VALIDATOR,
        fingerprint: str = "",
    ) -> IngestResult:
        try:
            async with self._turn(document.id):
                versions = await self._catalogue.versions({document.id, document.public_id})
                known = versions.get(document.id)
                status, chunks = await self._bring_up_to_date(document, known, origin, validator, fingerprint)
        except SourceError as error:
            return failed(document.uri, name, error)
        note = _PUBLIC_COPY if document.public_id != document.id and document.public_id in versions else None
        return IngestResult(uri=document.uri, title=document.title, status=status, chunks=chunks, error=note)

    async def remove(self, document_id: str, *, by_person: bool = False) -> bool:
        """Take a document out of the index and the catalogue; False if there was none."""
        async with self._turn(document_id):
            # In this order: a run that is killed in between leaves a document that is still listed, and can be removed.
            await self.index.remove(document_id)
            return await self._catalogue.remove(document_id, by_person=by_person)

    async def parse(self, content: Content, *, name: str) -> Parsed:
        self._check_size(content, name)
        return await self._parser.parse(
            content.data, name=name, content_type=content.content_type, is_web_page=content.is_web_page
        )

    def _turn(self, document_id: str) -> asyncio.Lock:
        """Held while this document is written or removed."""
        return self._writing.setdefault(document_id, asyncio.Lock())

    def _check_size(self, content: Content, name: str) -> None:
        limit = self._settings.max_document_bytes
        if len(content.data) > limit:
            raise SourceRefused(f"“{name}” is larger than {limit:,} bytes")

    async def _bring_up_to_date(
        self, document: Document, known: Version | None, origin: Origin | None, validator: Validator, fingerprint: str
    ) -> tuple[IngestStatus, int]:
        """New chunks first, then the catalogue, then the old chunks out: at every line one whole version answers.

        Raises SourceUnreadable for a document without a chunk, SourceNotFound for one without an origin that is gone.
        """
        if known is None and origin is None:
            raise SourceNotFound("It was taken out while it was read again")
        content_hash = self.index.content_hash(document)
        is_same = known is not None and known.content_hash == content_hash
        if known is not None and is_same and await self.index.count(document.id) == known.chunks:
            if known.is_missing or (known.validator, known.fingerprint) != (validator, fingerprint):
                await self._catalogue.seen(document.id, validator, fingerprint)
            return "unchanged", known.chunks
        chunks = await self.index.add(_with_channel(document, known, origin))
        if not chunks:
            raise SourceUnreadable(f"“{document.title}” holds no text to search in")
        async with self._listing:
            await self._catalogue.put(
                document,
                content_hash=content_hash,
                chunks=chunks,
                cut=self.index.way_of_cutting,
                fingerprint=fingerprint,
                validator=validator,
                origin=origin,
            )
        await self.index.remove(document.id, all_but=content_hash)
        return ("updated" if known else "added"), chunks


def _with_channel(document: Document, known: Version | None, origin: Origin | None) -> Document:
    """A public document is of the channel in which it was first added; of others, the scope says it."""
    if document.scope != PUBLIC:
        return document
    first = known.added_in if known is not None else origin.added_in if origin is not None else ""
    return replace(document, channel=first)
