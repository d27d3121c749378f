"""A channel's history taken in: page by page, newest first, and again from where it was broken off."""

import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from bot.catching_up import CatchUp
from bot.channel_histories import ChannelHistories, ChannelHistory
from bot.channel_rules import judge
from bot.directory import Directory
from bot.failures import note
from bot.ingest_report import readers
from bot.ingesting import place_of, tell_privately
from bot.ingests import Ingests
from bot.payloads import Json, required
from bot.slack_threads import NEWEST, Thread, is_head
from bot.stream import Outlet, Reply
from bot.thread_upkeep import ThreadUpkeep

# Slack takes an update of a message about once a second.
_SHOW_EVERY_S = 2.0
_BEING_READ = "The history of this channel is being read already."
_BROKEN = (
    "Something went wrong on my side before I had read the whole history of this channel. What was read stays, and "
    "`/ingest #{name}` goes on from there; tell an administrator if it stays so."
)
_NOT_THERE = "I could not write in <#{channel}>, so I have not taken in its history, or not all of it."


class ChannelDesk:
    """Raises IndexUnavailable, CatalogueUnavailable, and what Slack's door raises."""

    def __init__(
        self,
        *,
        outlet: Outlet,
        directory: Directory,
        histories: ChannelHistories,
        ingests: Ingests,
        threads: ThreadUpkeep,
        catching_up: CatchUp,
    ) -> None:
        self._outlet = outlet
        self._directory = directory
        self._histories = histories
        self._ingests = ingests
        self._threads = threads
        self._catching_up = catching_up

    async def do(self, work_id: str, kind: str, payload: Mapping[str, Any]) -> None:
        """Take in a history, or bring documents up to date with what happened in a channel."""
        match kind:
            case "history":
                await self.take_in(work_id, payload)
            case "thread":
                await self._threads.follow(work_id, payload)
            case "catch_up":
                await self._catching_up.do(work_id, payload)
            case "file_gone":
                await self._threads.lose_file(payload)
            case _:
                await self._threads.leave(payload)

    async def take_in(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Read the history to its end, and say so in the channel itself, before and after, with who may read it.

        Done again after a crash or a wait, it goes on with the message after the last one that was taken in.
        """
        place = place_of(payload)
        reply = self._outlet.reply(place, work_id, work_id)
        await reply.recover()
        judged = await judge(self._directory, channel=place.channel, user=place.user)
        if judged.channel is None:
            await self._break_off(work_id, place.channel)
            await reply.replace(note(f":warning: {judged.refusal}"))
            return
        history = await self._histories.begin(work_id, team=place.team, channel=place.channel, person=place.user)
        if history is None:
            await reply.replace(note(_BEING_READ))
            return
        await self._ingests.begin(history.ingest_id, channel=place.channel, person=place.user, documents=0)
        if history.state == "reading":
            reading = _Reading(work_id=work_id, history=history, reply=reply, readers=readers(judged.channel).said)
            await self._show(reading)
            await self._read(reading)
            await self._histories.end(work_id, "followed")
        await self._ingests.end(history.ingest_id)
        ended = await self._histories.find(place.channel) or history
        await reply.replace(note(f"{_outcome(ended)} {readers(judged.channel).said}"))

    async def own_up(self, work_id: str, kind: str, payload: Mapping[str, Any]) -> None:
        """Say that it failed: of a history, over the message that tells of its progress."""
        if kind == "thread":
            await self._threads.own_up(work_id, payload)
        if kind == "catch_up":
            await self._catching_up.own_up(work_id, payload)
        if kind != "history":  # of a channel or a file that is gone, nobody waits for word
            return
        place = place_of(payload)
        await self._break_off(work_id, place.channel)
        reply = self._outlet.reply(place, work_id, work_id)
        await reply.recover()
        name = (await self._directory.channel(place.channel)).name
        await reply.replace(note(_BROKEN.format(name=name)))

    async def own_up_privately(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Tell the person in a direct message what could not be said in the channel."""
        place = place_of(payload)
        await self._break_off(work_id, place.channel)
        await tell_privately(self._outlet, place, work_id, _NOT_THERE.format(channel=place.channel))

    async def _break_off(self, work_id: str, channel: str) -> None:
        history = await self._histories.find(channel)
        if history is not None and history.work_id == work_id:
            await self._histories.end(work_id, "broken")
            await self._ingests.end(history.ingest_id)

    async def _read(self, reading: "_Reading") -> None:
        """What was written since reading was broken off, and then all from there back to the beginning."""
        history = reading.history
        if history.newest_ts:
            newest_ts = ""
            window = self._threads.pages(history.channel, after=history.newest_ts, before=NEWEST)
            async with aclosing(window) as pages:
                async for page in pages:
                    newest_ts = newest_ts or required(page[0], "ts")
                    for message in page:
                        if not await self._take_in(reading, message, is_back=False):
                            return
            await self._histories.advance(reading.work_id, newest_ts=newest_ts)
        newest_ts = history.newest_ts
        window = self._threads.pages(history.channel, after="0", before=history.oldest_ts or NEWEST)
        async with aclosing(window) as pages:
            async for page in pages:
                if not newest_ts:
                    newest_ts = required(page[0], "ts")
                    await self._histories.advance(reading.work_id, newest_ts=newest_ts)
                for message in page:
                    if not await self._take_in(reading, message, is_back=True):
                        return
        # What this reading found, by an earlier try too, is there.
        earlier = [
            entry
            for entry in await self._threads.known(history.channel)
            if entry.origin.ingest_id != history.ingest_id and entry.origin.place not in reading.places
        ]
        await self._threads.take_out_gone(earlier)

    async def _take_in(self, reading: "_Reading", message: Json, *, is_back: bool) -> bool:
        """False where reading was stopped."""
        ts = required(message, "ts")
        threads = files = failed = 0
        if is_head(message):
            found = await self._threads.take_in(reading.history, message)
            reading.places |= {Thread(channel=reading.history.channel, ts=ts).place, *found.files}
            await self._ingests.results(reading.history.ingest_id, reading.history.channel, found.results)
            threads, files = found.threads, len(found.results) - found.threads
            failed = sum(result.status == "failed" for result in found.results)
        reading.threads += threads
        reading.files += files
        goes_on = await self._histories.advance(
            reading.work_id, oldest_ts=ts if is_back else "", threads=threads, files=files, failed=failed
        )
        if time.monotonic() - reading.shown_at >= _SHOW_EVERY_S:
            await self._show(reading)
        return goes_on

    async def _show(self, reading: "_Reading") -> None:
        await self._ingests.progress(reading.history.ingest_id, reading.threads)
        so_far = f"Reading the history of this channel for <@{reading.history.person}>: {_count(reading.threads, reading.files)} so far."
        await reading.reply.replace(note(f"{so_far} {reading.readers}"))
        reading.shown_at = time.monotonic()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A history while it is read: what this try has found, and counts that go on from those of earlier ones."""

    work_id: str
    history: ChannelHistory
    reply: Reply
    readers: str
    threads: int = field(init=False)
    files: int = field(init=False)
    shown_at: float = 0.0
    places: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.threads, self.files = self.history.threads, self.history.files


def _outcome(history: ChannelHistory) -> str:
    failed = f", {history.failed} of them could not be read (`/ingest status` says why)" if history.failed else ""
    read = f"{_count(history.threads, history.files)}{failed}"
    if not history.is_followed:
        return f"Reading the history of this channel was stopped after {read}. What was read stays; `/ingest undo` takes it out."
    return (
        f":white_check_mark: The history of this channel is taken in: {read}. What is written, edited or deleted here "
        "from now on is taken over, until `/ingest stop` ends that."
    )


def _count(threads: int, files: int) -> str:
    told = f"{threads} {'thread' if threads == 1 else 'threads'}"
    return f"{told} and {files} {'file' if files == 1 else 'files'}" if files else told
