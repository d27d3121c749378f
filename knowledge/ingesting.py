"""Places and uploads taken in document by document; what has not changed is known by its bytes, and not read."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from knowledge.collecting import Collector
from knowledge.documents import IngestResult, Origin, failed
from knowledge.errors import SourceError
from knowledge.kinds import is_archive
from knowledge.register import Register
from knowledge.sites import Known, nothing_known
from knowledge.sources import Source
from knowledge.writing import Writer

TakeIn = Callable[[Source, str, Origin], Awaitable[IngestResult]]

# Documents that are taken in side by side; each may be as large as a document can be.
_AT_ONCE = 4
# Files that are compared with the catalogue and the index at once.
_COMPARED = 64


class Workers(Protocol):
    """Other processes with the same index and catalogue, which take documents in side by side."""

    @property
    def at_once(self) -> int: ...

    async def take_in(self, source: Source, scope: str, origin: Origin) -> IngestResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingester:
    collector: Collector
    register: Register
    writer: Writer

    async def place(
        self, scope: str, origin: Origin, *, workers: Workers | None = None
    ) -> AsyncGenerator[IngestResult]:
        """What stands at the origin's place, which is known from then on; one result per document.

        Where there are `workers`, they do the work of `document`.
        """
        is_known = False
        found = self._found_at(scope, origin)
        take_in, at_once = (workers.take_in, workers.at_once) if workers else (self.document, _AT_ONCE)
        async with aclosing(self._side_by_side(found, scope, origin, take_in, at_once)) as results:
            async for result in results:
                if result.status != "failed" and not is_known:
                    await self.register.add(origin, scope)
                    is_known = True
                yield result

    async def upload(self, source: Source, scope: str, origin: Origin) -> list[IngestResult]:
        """A document, or what is in an archive; its place is known from then on where the origin names one."""
        documents = self._documents(source)
        results = [result async for result in self._side_by_side(documents, scope, origin, self.document, _AT_ONCE)]
        if origin.place and any(result.status != "failed" for result in results):
            await self.register.add(origin, scope)
        return results

    async def batches(
        self, place: str, scope: str, *, whole_site: bool, known: Known = nothing_known
    ) -> AsyncGenerator[tuple[list[Source], Mapping[str, IngestResult]]]:
        """The sources at a place in their order, with the results of those that are known and unchanged, by `uri`."""
        async with aclosing(self.collector.sources(place, whole_site=whole_site, known=known)) as sources:
            async for batch in _batched(sources):
                yield batch, await self._unchanged(batch, scope)

    async def document(self, source: Source, scope: str, origin: Origin | None) -> IngestResult:
        """Without an origin, only what is known is read again."""
        try:
            content = await self.collector.content(source)
        except SourceError as error:
            return failed(source.uri, source.name, error)
        return await self.writer.take_in(content, name=source.name, uri=source.uri, scope=scope, origin=origin)

    async def _found_at(self, scope: str, origin: Origin) -> AsyncGenerator[Source | IngestResult]:
        """The documents that are to be taken in, and what is known of the others already."""
        try:
            async with aclosing(self.batches(origin.place, scope, whole_site=origin.whole_site)) as batches:
                async for sources, unchanged in batches:
                    for source in sources:
                        if source.uri in unchanged:
                            yield unchanged[source.uri]
                            continue
                        async with aclosing(self._documents(source)) as documents:
                            async for document in documents:
                                yield document
        except SourceError as error:
            yield failed(origin.place, origin.place, error)

    async def _documents(self, source: Source) -> AsyncGenerator[Source | IngestResult]:
        try:
            async with aclosing(self.collector.documents(source)) as documents:
                async for document in documents:
                    yield document
        except SourceError as error:
            yield failed(source.uri, source.name, error)

    async def _side_by_side(
        self,
        found: AsyncGenerator[Source | IngestResult],
        scope: str,
        origin: Origin,
        take_in: TakeIn,
        at_once: int,
    ) -> AsyncGenerator[IngestResult]:
        """Results in the order of what was found: one document is read and written while others are embedded."""
        running: deque[asyncio.Task[IngestResult]] = deque()
        try:
            async with aclosing(found):
                async for item in found:
                    running.append(asyncio.create_task(_result(item, scope, origin, take_in)))
                    while running and (running[0].done() or len(running) >= at_once):
                        yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _unchanged(self, sources: Sequence[Source], scope: str) -> dict[str, IngestResult]:
        found = await asyncio.gather(*(asyncio.to_thread(self._fingerprint, source) for source in sources))
        named = {source.uri: each for source, each in zip(sources, found, strict=True) if each is not None}
        unchanged = await self.writer.unchanged(named, scope)
        not_sent = [source.uri for source in sources if source.is_unchanged]
        return unchanged | await self.writer.still_there(not_sent, scope)

    def _fingerprint(self, source: Source) -> str | None:
        """None for what is no file of its own, and for one that cannot be read: why, its reading will say."""
        if source.path is None or source.refusal is not None or is_archive(source.name):
            return None
        try:
            return self.writer.fingerprints.of_file(source.path, name=source.name)
        except (SourceError, OSError):
            return None


async def _result(item: Source | IngestResult, scope: str, origin: Origin, take_in: TakeIn) -> IngestResult:
    return item if isinstance(item, IngestResult) else await take_in(item, scope, origin)


async def _batched(sources: AsyncIterator[Source]) -> AsyncGenerator[list[Source]]:
    """Files together; what is fetched comes slowly, and each goes on at once."""
    batch: list[Source] = []
    async for source in sources:
        batch.append(source)
        if len(batch) == _COMPARED or source.path is None:
            yield batch
            batch = []
    if batch:
        yield batch
