"""Threads and single messages kept as documents: taken in, and brought up to date when they change in Slack."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from bot.channel_files import ChannelFiles
from bot.channel_histories import ChannelHistories, ChannelHistory
from bot.directory import Directory
from bot.downloads import NotDownloaded
from bot.errors import SlackRefused
from bot.failures import NOT_DONE
from bot.ingest_report import readers
from bot.ingests import Ingests
from bot.payloads import Json, required
from bot.slack_documents import Shared, SlackDocuments, message_at, places_of_attached, places_of_messages
from bot.slack_threads import (
    NEWEST,
    Conversation,
    Said,
    SlackThreads,
    Thread,
    is_answered,
    places_of_threads,
    thread_at,
    thread_of,
)
from knowledge.audience import Audience, channel_scope
from knowledge.documents import Entry, IngestResult, Origin
from knowledge.library import Library

# Slack's words for a conversation that the bot is not in, or no longer.
AWAY = frozenset({"channel_not_found", "not_in_channel", "is_archived", "missing_scope"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What came of a thread and of its files: how many threads it was, one or none, and the places of the files there."""

    threads: int
    results: list[IngestResult]
    files: list[str]


class ThreadUpkeep:
    """Raises IndexUnavailable, CatalogueUnavailable, and what Slack's door raises."""

    def __init__(
        self,
        *,
        library: Library,
        threads: SlackThreads,
        in_slack: SlackDocuments,
        directory: Directory,
        histories: ChannelHistories,
        ingests: Ingests,
        files: ChannelFiles,
    ) -> None:
        self._library = library
        self._threads = threads
        self._in_slack = in_slack
        self._directory = directory
        self._histories = histories
        self._ingests = ingests
        self._files = files
        # A thread is read and written by one piece of work at a time, else an older reading could be written last.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # By channels a page of whose history is being read, the threads that changed since it was fetched: their copies
        # on the page are out of date.
        self._changed: dict[str, set[str]] = {}
        self._paging: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def pages(self, channel: str, *, after: str, before: str) -> AsyncGenerator[list[Json]]:
        """Messages of a channel in a window of time, newest first, for one reader at a time; to be closed by it."""
        async with self._paging.setdefault(channel, asyncio.Lock()):
            self._changed[channel] = set()
            try:
                async with aclosing(self._threads.history(channel, after=after, before=before)) as pages:
                    async for page in pages:
                        yield page
                        self._changed[channel] = set()
            finally:
                del self._changed[channel]

    async def take_in(self, history: ChannelHistory, head: Json, *, since: str = "") -> TakenIn:
        """Take in the thread that this message of a history begins, with its files.

        What was begun before `since` and is not known was taken out by somebody, and stays out. Without it all is
        taken in, and files that are no longer there are left to `take_out_gone`.
        """
        thread = Thread(channel=history.channel, ts=required(head, "ts"))
        async with self._turn(thread):
            if is_answered(head) or thread.place in self._changed.get(thread.channel, ()):
                now = await self._threads.read(thread)
            else:
                now = await self._threads.conversation(thread, [head])
            return await self._bring_in(thread, now, history, since=since)

    async def known(self, channel: str) -> list[Entry]:
        """The threads of a channel that were taken in, and the files that are attached there."""
        threads = await self._library.from_places_below(places_of_threads(channel))
        return [*threads, *await self._library.from_places_below(places_of_attached(channel))]

    async def take_out_gone(self, entries: Iterable[Entry]) -> None:
        """Take out those of these threads and files that are no longer there, and whose deletion nobody told."""
        for entry in entries:
            thread = thread_of(entry.origin.place)
            if thread is None:
                continue
            async with self._turn(thread):
                now = await self._threads.read(thread)
                there = {each.place for each in now.attached}
                if now.said:
                    there.add(thread.place)
                if entry.origin.place not in there:
                    await self._files.take_out([entry])

    async def follow(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Bring up to date what is known of a message that was written, edited or deleted."""
        thread = Thread(channel=required(payload, "channel"), ts=required(payload, "thread_ts"))
        ts, is_new = required(payload, "ts"), payload.get("is_new") is True
        try:
            results = await self._follow_thread(thread, ts, is_new=is_new)
            if not is_new:
                shared = Shared(channel=thread.channel, ts=ts, thread_ts=thread.ts)
                results += await self.follow_message(shared)
        except SlackRefused as error:
            if error.code not in AWAY:
                raise
            return  # what was known of it stays
        await self._ingests.results(work_id, thread.channel, results)

    async def read_again(self, entry: Entry) -> IngestResult | None:
        """The thread as it is now; None for a document that is none. Raises NotDownloaded where it is gone."""
        thread = thread_at(entry.origin.place)
        history = await self._histories.find(thread.channel) if thread else None
        if thread is None or history is None:
            return None
        async with self._turn(thread):
            now = await self._threads.read(thread, until=history.stopped_ts)
            if not now.said:
                raise NotDownloaded("The thread is no longer there.")
            return await self._words(thread, now.said, await self._library.from_places(thread.place), history)

    async def messages(self, channel: str) -> list[Shared]:
        """The messages of a channel that somebody added by themselves."""
        entries = await self._library.from_places_below(places_of_messages(channel))
        return list(dict.fromkeys(message_at(entry.origin.place) for entry in entries))

    async def leave(self, payload: Mapping[str, Any]) -> None:
        """A channel is followed no more; with `is_deleted`, what comes from it is taken out."""
        channel = required(payload, "channel")
        await self._histories.stop(channel, required(payload, "at"))
        if payload.get("is_deleted") is True:
            await self._files.take_out(await self.known(channel))
            await self._files.take_out(await self._library.from_places_below(places_of_messages(channel)))
            # Files and pages that were added for this channel alone: nobody is left who may read them.
            await self._files.take_out(
                await self._library.documents(Audience(scopes=frozenset({channel_scope(channel)})))
            )

    async def lose_file(self, payload: Mapping[str, Any]) -> None:
        """A file was deleted in Slack."""
        await self._files.lose(required(payload, "file"))

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Nobody asked for it: that it failed is told by `/ingest status`."""
        thread = Thread(channel=required(payload, "channel"), ts=required(payload, "thread_ts"))
        known = await self._library.from_places(thread.place)
        name = known[0].uri if known else "A message of this channel"
        await self._ingests.outcome(work_id, thread.channel, {name}, {name: NOT_DONE})

    async def _follow_thread(self, thread: Thread, ts: str, *, is_new: bool) -> list[IngestResult]:
        history = await self._histories.find(thread.channel)
        if history is None:
            return []
        if thread.channel in self._changed:
            self._changed[thread.channel].add(thread.place)
        async with self._turn(thread):
            channel = await self._directory.channel(thread.channel)
            if channel.is_shared_outside and history.is_followed:
                await self._histories.stop(thread.channel, ts)
                history = await self._histories.find(thread.channel) or history
            now = await self._threads.read(thread, until=history.stopped_ts)
            # What is earlier and not known was taken out by somebody, or its turn is still to come.
            since = ts if is_new and history.is_followed else NEWEST
            return (await self._bring_in(thread, now, history, since=since)).results

    async def _bring_in(self, thread: Thread, now: Conversation, history: ChannelHistory, *, since: str) -> TakenIn:
        known = await self._library.from_places(thread.place)
        results: list[IngestResult] = []
        if not now.said:
            await self._files.take_out(known)
        elif known or now.said[0].ts >= since:
            results.append(await self._words(thread, now.said, known, history))
        files = await self._files.bring_in(history, thread, now.attached, since=since)
        return TakenIn(threads=len(results), results=results + files, files=[each.place for each in now.attached])

    async def _words(
        self, thread: Thread, said: list[Said], known: list[Entry], history: ChannelHistory
    ) -> IngestResult:
        scope = readers(await self._directory.channel(thread.channel)).scope or channel_scope(thread.channel)
        uri = known[0].uri if known else ""
        document = await self._threads.document(thread, said, scope=scope, uri=uri)
        origin = Origin(
            place=thread.place, added_by=history.person, added_in=thread.channel, ingest_id=history.ingest_id
        )
        result = await self._library.ingest_text(document, origin)
        # The channel was made private, or public: what others could read of it is read by them no more.
        await self._files.take_out(entry for entry in known if entry.scope != scope)
        return result

    async def follow_message(self, shared: Shared) -> list[IngestResult]:
        """Bring up to date a message that somebody added by itself; nothing where nobody did."""
        known = await self._library.from_places(shared.place)
        if not known:
            return []
        try:
            upload = await self._in_slack.message(shared)
        except NotDownloaded:
            await self._files.take_out(known)
            return []
        return [await self._library.refresh(entry, upload.data, name=upload.name) for entry in known]

    @asynccontextmanager
    async def _turn(self, thread: Thread) -> AsyncGenerator[None]:
        lock = self._turns.get(thread.place)
        if lock is None:
            lock = self._turns[thread.place] = asyncio.Lock()
        async with lock:
            yield
