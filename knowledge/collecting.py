"""From a place that a person names to the documents that are there, each with its content."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from knowledge.archives import archive_sources
from knowledge.documents import Entry
from knowledge.errors import SourceRefused
from knowledge.fetching import Fetcher, Page
from knowledge.kinds import is_archive
from knowledge.parsing import Parser
from knowledge.repositories import is_repository, repository_sources
from knowledge.settings import KnowledgeSettings
from knowledge.sites import Known, nothing_known, site_sources
from knowledge.sources import Content, Source, find_sources, open_file, page_at, read_file, source_again
from knowledge.validators import Validator


class Collector:
    """All of its methods raise SourceError, with a sentence for people."""

    def __init__(self, *, fetcher: Fetcher, parser: Parser, settings: KnowledgeSettings) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._settings = settings

    async def sources(
        self, place: str, *, whole_site: bool = False, known: Known = nothing_known
    ) -> AsyncGenerator[Source]:
        """What stands at a path or an address: archives among them are not opened yet; pages of a site by what is `known`."""
        if whole_site:
            found = site_sources(
                place, fetcher=self._fetcher, parser=self._parser, settings=self._settings, known=known
            )
        elif is_repository(place):
            found = repository_sources(place, fetcher=self._fetcher, settings=self._settings)
        else:
            hosts = self._settings.fetch_allow_hosts
            for source in await asyncio.to_thread(lambda: list(find_sources(place, allow_hosts=hosts))):
                yield source
            return
        async with aclosing(found):
            async for source in found:
                yield source

    async def page(self, url: str) -> tuple[Source, Content]:
        """One document at an address, and no archive."""
        source = page_at(url, self._settings.fetch_allow_hosts)
        content = await self.content(source)
        if is_archive(source.name, content.content_type):
            raise SourceRefused(f"“{source.name}” is an archive: each file in it is read, and none is shown before")
        return source, content

    async def again(self, entry: Entry) -> Source:
        """A known document where it was found, or the archive that holds it."""
        if not is_repository(entry.origin.place):
            hosts = self._settings.fetch_allow_hosts
            return await asyncio.to_thread(source_again, entry.uri, entry.origin.place, allow_hosts=hosts)
        found = repository_sources(
            entry.origin.place, fetcher=self._fetcher, settings=self._settings, holding=entry.uri
        )
        async with aclosing(found):
            return await anext(found)

    async def documents(self, source: Source, *, only: str = "") -> AsyncGenerator[Source]:
        """The source itself, or what it holds if it is an archive: all of it, or the one of this `uri`."""
        if source.refusal is None and source.path is not None and is_archive(source.name):
            # From its file, not from memory: an archive may be much larger than a document.
            file = await asyncio.to_thread(open_file, source.path, limit=self._settings.place_max_bytes)
        else:
            content = await self.content(source)
            source = replace(source, content=content)
            if not is_archive(source.name, content.content_type):
                yield source
                return
            file = io.BytesIO(content.data)
        members = archive_sources(file, name=source.name, uri=source.uri, settings=self._settings, only=only)
        with file:
            async with aclosing(members):
                async for member in members:
                    yield member

    async def content(self, source: Source) -> Content:
        if source.refusal is not None:
            raise source.refusal
        if source.content is not None:
            return source.content
        if source.path is not None:
            limit = self._settings.max_document_bytes
            return await asyncio.to_thread(read_file, source.path, limit=limit)
        return _content_of(await self._fetcher.fetch(source.uri))

    async def newer(self, source: Source, known: Validator) -> Content | None:
        """A page's content, or None where its server says that it is still the version that is known."""
        page = await self._fetcher.fetch_newer(source.uri, known)
        return None if page is None else _content_of(page)


def _content_of(page: Page) -> Content:
    return Content(
        data=page.data,
        content_type=page.content_type,
        modified_at=page.modified_at,
        is_web_page=True,
        validator=page.validator,
    )
