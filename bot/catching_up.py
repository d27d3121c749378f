"""What happened in a followed channel while nobody told Tandem: read again from the time until which all was heard."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from bot.channel_histories import ChannelHistories, ChannelHistory
from bot.directory import Directory
from bot.errors import SlackRefused
from bot.failures import NOT_DONE
from bot.ingests import Ingests
from bot.payloads import Json, required
from bot.slack_threads import NEWEST, is_answered, is_head, thread_of
from bot.thread_upkeep import AWAY, ThreadUpkeep
from knowledge.documents import Entry

# This machine's clock may be behind Slack's.
_MARGIN = timedelta(minutes=10)
# What was written before may have been edited, answered or deleted meanwhile. It is looked through as far as this, and no
# further than so many messages back.
_LOOK_BACK = timedelta(days=30)
_MOST_MESSAGES = 1_000
# Slack answers some fifty questions for a thread in a minute, and who asks Tandem something needs them too.
_PAUSE_S = 2.0
_NAME = "What was written in this channel while I was away"


class CatchUp:
    """Raises IndexUnavailable, CatalogueUnavailable, and what Slack's door raises."""

    def __init__(
        self,
        *,
        directory: Directory,
        histories: ChannelHistories,
        ingests: Ingests,
        threads: ThreadUpkeep,
        most: int = _MOST_MESSAGES,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._directory = directory
        self._histories = histories
        self._ingests = ingests
        self._threads = threads
        self._most = most
        self._pause_s = pause_s
        self._pacing = asyncio.Lock()

    async def do(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Read what was missed `since` a time, and what that may have changed before; nothing is said of it.

        Done again after a crash or a wait, it goes on with the page after the last one that was read.
        """
        channel, since, until = _read(payload)
        history = await self._histories.find(channel)
        # It is done, or all of the channel was read meanwhile, where it is current from later on.
        if history is None or not history.is_followed or history.current_at > since:
            return
        if not await self._may_follow(channel):
            await self._histories.stop(channel, _ts(since))
        elif await self._take_over(work_id, history, since):
            await self._histories.caught_up(channel, until)

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Nobody asked for it: that it failed is told by `/ingest status`, and the channel is followed from then on."""
        channel, _, until = _read(payload)
        await self._ingests.outcome(work_id, channel, {_NAME}, {_NAME: NOT_DONE})
        await self._histories.caught_up(channel, until)

    async def _may_follow(self, channel: str) -> bool:
        """False where the bot was taken out of it, or it was shared with others, and the word of that was missed."""
        try:
            found = await self._directory.channel(channel)
        except SlackRefused as error:
            if error.code not in AWAY:
                raise
            return False
        return found.is_joined and not found.is_shared_outside

    async def _take_over(self, work_id: str, history: ChannelHistory, since: datetime) -> bool:
        """False where following was stopped on the way."""
        channel, missed, oldest = history.channel, _ts(since - _MARGIN), _ts(since - _LOOK_BACK)
        known = await self._threads.known(channel)
        before, read = history.caught_up_ts or NEWEST, 0
        async with aclosing(self._threads.pages(channel, after=oldest, before=before)) as pages:
            async for page in pages:
                for message in filter(is_head, page):
                    await self._take_in(work_id, history, message, missed)
                last = required(page[-1], "ts")
                await self._take_out_gone(known, page, after=last, before=before)
                if not await self._histories.catch_up(channel, last):
                    return False
                before, read = last, read + len(page)
                if read >= self._most and before < missed:
                    oldest = before
                    break
        await self._take_out_gone(known, [], after=oldest, before=before)
        await self._follow_messages(work_id, channel, oldest)
        return True

    async def _take_in(self, work_id: str, history: ChannelHistory, message: Json, missed: str) -> None:
        if is_answered(message):
            await self._pause()
        found = await self._threads.take_in(history, message, since=missed)
        await self._ingests.results(work_id, history.channel, found.results)

    async def _take_out_gone(self, known: list[Entry], page: list[Json], *, after: str, before: str) -> None:
        """Of the known threads and files in this window of time, those whose threads are not on its page."""
        there = {required(message, "ts") for message in page}
        gone = [
            entry
            for entry in known
            if (thread := thread_of(entry.origin.place)) and after <= thread.ts < before and thread.ts not in there
        ]
        await self._threads.take_out_gone(gone)

    async def _follow_messages(self, work_id: str, channel: str, oldest: str) -> None:
        for shared in await self._threads.messages(channel):
            if shared.ts >= oldest:
                await self._pause()
                results = await self._threads.follow_message(shared)
                await self._ingests.results(work_id, channel, results)

    async def _pause(self) -> None:
        """One question after another, whatever the number of channels."""
        async with self._pacing:
            await asyncio.sleep(self._pause_s)


def _read(payload: Mapping[str, Any]) -> tuple[str, datetime, datetime]:
    since, until = (datetime.fromisoformat(required(payload, name)) for name in ("since", "until"))
    return required(payload, "channel"), since, until


def _ts(moment: datetime) -> str:
    """As Slack writes a time."""
    return f"{moment.timestamp():.6f}"
