"""Known documents read again where they came from: kept, brought up to date, or taken out where they were deleted.

A wrong removal costs more than a late one: who finds nothing asks nobody. So a document is taken out only when its
place answers and says twice, an hour or more apart, that it is gone; or once, where a person asked for just this one.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from knowledge.catalogue import Catalogue
from knowledge.collecting import Collector
from knowledge.documents import Entry, IngestResult, Origin, document_id, failed
from knowledge.errors import SourceError, SourceGone
from knowledge.ingesting import Ingester
from knowledge.register import KnownPlace
from knowledge.repositories import is_repository
from knowledge.sites import KnownPage
from knowledge.sources import Content, Source
from knowledge.validators import NO_VALIDATOR, Validator
from knowledge.writing import Writer

# Between the first time that a document is missing and the time at which that is believed.
BELIEVED_AFTER = timedelta(hours=1)
_NOT_YET = "{why}. It stays as it was, and goes if it is still missing an hour or more from now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresher:
    ingester: Ingester
    catalogue: Catalogue

    @property
    def collector(self) -> Collector:
        return self.ingester.collector

    @property
    def writer(self) -> Writer:
        return self.ingester.writer

    async def again(self, entry: Entry, given: Source | None = None, *, at_once: bool) -> IngestResult:
        """Read one again, from what is given or from where it was found."""
        try:
            source = given or await self.collector.again(entry)
            return await self._read(source, entry)
        except SourceGone as gone:
            return await self.missed(entry, str(gone), at_once=at_once)
        except SourceError as error:
            return failed(entry.uri, entry.title, error)

    async def place(self, place: KnownPlace) -> AsyncGenerator[IngestResult]:
        """Read what is there, as its ingest did, and miss what is known of it and was not found."""
        known = {entry.uri: entry for entry in await self.catalogue.of_place(place.place, place.scope)}
        listing = _Listing()
        try:
            batches = self.ingester.batches(
                place.place,
                place.scope,
                whole_site=place.whole_site,
                known=lambda url: self._known_page(url, place.scope),
            )
            async with aclosing(batches):
                async for sources, unchanged in batches:
                    for source in sources:
                        if source.uri in unchanged:
                            listing.uris.add(source.uri)
                            yield unchanged[source.uri]
                            continue
                        listing.is_whole &= not source.is_rest
                        async for result in self._of_place(source, place, known, listing):
                            # Behind a page of a site that was not read there may be others.
                            listing.is_whole &= not (place.whole_site and result.status == "failed")
                            yield result
        except SourceError as error:
            listing.is_whole = False
            yield failed(place.place, place.place, error)
        lists_all = place.whole_site or is_repository(place.place)
        for entry in [entry for uri, entry in known.items() if uri not in listing.uris]:
            if not lists_all:
                yield await self.again(entry, at_once=False)
            elif listing.is_whole and listing.uris:
                yield await self.missed(entry, "Its place no longer lists it", at_once=False)

    async def _of_place(
        self, source: Source, place: KnownPlace, known: dict[str, Entry], listing: "_Listing"
    ) -> AsyncGenerator[IngestResult]:
        if isinstance(source.refusal, SourceGone) and place.whole_site:
            # A sitemap lists what is not there.
            return
        if source.uri in known and not source.is_rest:
            listing.uris.add(source.uri)
            yield await self.again(known[source.uri], source, at_once=False)
            return
        try:
            async with aclosing(self.collector.documents(source)) as documents:
                async for document in documents:
                    listing.uris.add(document.uri)
                    if document.uri in known:
                        yield await self.again(known[document.uri], document, at_once=False)
                    elif not await self.catalogue.is_taken_out(document_id(document.uri, place.scope)):
                        yield await self.ingester.document(document, place.scope, _origin(place))
        except SourceError as error:
            yield failed(source.uri, source.name, error)

    async def missed(self, entry: Entry, why: str, *, at_once: bool) -> IngestResult:
        """Its place says that it is gone: take it out, or note when that was first said."""
        now = datetime.now(UTC)
        is_believed = entry.missing_since is not None and now - entry.missing_since >= BELIEVED_AFTER
        if not (at_once or is_believed):
            await self.catalogue.missed(entry.id, now)
            return failed(entry.uri, entry.title, SourceGone(_NOT_YET.format(why=why)))
        await self.writer.remove(entry.id)
        return IngestResult(uri=entry.uri, title=entry.title, status="removed", error=why)

    async def _read(self, source: Source, entry: Entry) -> IngestResult:
        """The document is the source itself, or a member of it where its link goes on with a path within."""
        if "#" not in entry.uri or source.uri == entry.uri:
            content = await self._newer(source, entry)
            if content is None:
                await self.catalogue.seen(entry.id)
                return IngestResult(uri=entry.uri, title=entry.title, status="unchanged", chunks=entry.chunks)
            return await self._take_in(source, content, entry)
        trouble: SourceError | None = None
        async with aclosing(self.collector.documents(source, only=entry.uri)) as members:
            async for member in members:
                if member.uri == entry.uri:
                    return await self._take_in(member, await self.collector.content(member), entry)
                # Of what was not looked into, it is not known what it holds.
                trouble = trouble or member.refusal
        raise trouble or SourceGone(f"It is no longer in “{source.name}”")

    async def _newer(self, source: Source, entry: Entry) -> Content | None:
        """None where a server says that its page is still the one that is in the index, whole and cut as it is now."""
        is_page = source.content is None and source.path is None
        validator = await self._validator(entry.id) if is_page else NO_VALIDATOR
        if validator == NO_VALIDATOR:
            return await self.collector.content(source)
        return await self.collector.newer(source, validator)

    async def _known_page(self, url: str, scope: str) -> KnownPage | None:
        known = document_id(url, scope)
        validator = await self._validator(known)
        return (
            None
            if validator == NO_VALIDATOR
            else KnownPage(validator=validator, links=await self.catalogue.links(known))
        )

    async def _validator(self, document_id: str) -> Validator:
        """How its server named the version that is in the index; nothing unless that is whole and cut as it is now."""
        version = (await self.catalogue.versions({document_id})).get(document_id)
        if version is None or version.cut != self.writer.index.way_of_cutting:
            return NO_VALIDATOR
        is_whole = await self.writer.index.count(document_id) == version.chunks
        return version.validator if is_whole else NO_VALIDATOR

    async def _take_in(self, source: Source, content: Content, entry: Entry) -> IngestResult:
        return await self.writer.take_in(content, name=source.name, uri=source.uri, scope=entry.scope, origin=None)


@dataclass(slots=True, kw_only=True)
class _Listing:
    """What a place was found to hold. Unless it is the whole of it, what is not in it may be there all the same."""

    uris: set[str] = field(default_factory=set[str])
    is_whole: bool = True


def _origin(place: KnownPlace) -> Origin:
    return Origin(place=place.place, added_by=place.added_by, added_in=place.added_in, overheard=False)
