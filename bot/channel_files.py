"""Files that people attach to the messages of a channel that is followed: each a document, for as long as it is there."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.channel_histories import ChannelHistory
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import LOST, HandedOver, outcomes_of
from bot.ingest_report import readers
from bot.ingests import Ingests
from bot.slack_documents import Attached, file_place, places_of_attached
from bot.slack_threads import Thread
from knowledge.documents import Entry, IngestResult, failed
from knowledge.library import Library


class ChannelFiles:
    """Raises CatalogueUnavailable, IndexUnavailable, and what Slack's door raises."""

    def __init__(self, *, library: Library, queue: DocumentQueue, directory: Directory, ingests: Ingests) -> None:
        self._library = library
        self._queue = queue
        self._directory = directory
        self._ingests = ingests
        # Deleted while files were read, these perhaps among them.
        self._lost: set[str] = set()
        self._reading = 0

    async def bring_in(
        self, history: ChannelHistory, thread: Thread, attached: Sequence[Attached], *, since: str
    ) -> list[IngestResult]:
        """Take out what is no longer attached to this thread, and take in what is; one result per document read.

        What is not known and was attached before `since` was taken out by somebody, or its turn is still to come.
        Without `since` all of the channel is read, and what is gone is found at its end.
        """
        if not (attached or since):
            return []
        scope = readers(await self._directory.channel(thread.channel)).scope
        known = await self._library.from_places_below(places_of_attached(thread.channel, thread.ts))
        there = {each.place for each in attached}
        # The channel was made private, or public: then its files are read again, for those who read there now.
        others = {entry.origin.place for entry in known if entry.scope != scope}
        await self.take_out(entry for entry in known if entry.origin.place not in there - others)
        read = {entry.origin.place for entry in known} - others
        wanted = [each for each in attached if each.ts >= since or each.place in others]
        # Those were done before, for other readers: under the same id, nothing would be done.
        return await self._read(
            history, [each for each in wanted if each.place not in read], attempt=int(time.time()) if others else 0
        )

    async def lose(self, file_id: str) -> None:
        """A file was deleted in Slack, in whatever channels it was shared, and also where it was handed over."""
        if self._reading:
            self._lost.add(file_id)
        await self.take_out(await self._library.from_places(file_place(file_id)))
        await self.take_out(await self._library.from_places_below(places_of_attached(), end=f":{file_id}"))

    async def take_out(self, entries: Iterable[Entry]) -> None:
        for entry in list(entries):
            await self._library.remove(entry.id)
            await self._ingests.forget({entry.uri})

    async def _read(self, history: ChannelHistory, attached: Sequence[Attached], *, attempt: int) -> list[IngestResult]:
        documents = [
            HandedOver(
                ingest_id=history.ingest_id,
                channel=history.channel,
                user=history.person,
                kind="attached",
                name=each.place,
            )
            for each in attached
        ]
        # What could not be had from Slack has no link yet: people know it by its name.
        names = {each.place: f"{each.name} ({each.file_id})" for each in attached}
        results: list[IngestResult] = []
        self._reading += 1
        try:
            async for document, outcome in outcomes_of(self._queue, documents, attempt):
                lost = [failed(document.name, document.title, LOST)]
                results.extend(lost if outcome is None else outcome.results)
        finally:
            self._reading -= 1
        gone = [each.place for each in attached if each.file_id in self._lost]
        await self.take_out(await self._library.from_places(*gone))
        if not self._reading:
            self._lost.clear()
        return [replace(each, uri=names.get(each.uri, each.uri)) for each in results]
