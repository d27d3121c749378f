"""Which events in Slack concern documents: those of channels that are followed, and of what was taken in before."""

from collections.abc import Mapping
from typing import Any

from bot.arrivals import Arrival, Identity
from bot.channel_histories import ChannelHistories
from bot.payloads import required
from bot.slack_documents import Shared, places_of_attached
from bot.slack_threads import Thread
from bot.thread_events import read_change
from knowledge.library import Library


class Following:
    def __init__(self, *, histories: ChannelHistories, library: Library, me: Identity) -> None:
        self._histories = histories
        self._library = library
        self._me = me

    async def read(self, body: Mapping[str, Any]) -> Arrival | None:
        """The work of bringing documents up to date with a delivery. Raises Malformed, CatalogueUnavailable."""
        change = read_change(body, self._me)
        if change is None or change.kind == "file_gone" or change.payload.get("is_deleted") is True:
            return change
        history = await self._histories.find(required(change.payload, "channel"))
        if history is not None and history.is_followed:
            return change
        if change.payload.get("is_new") is not False:
            return None
        was_followed = history is not None
        return change if await self._is_known(change.payload, with_files=was_followed) else None

    async def _is_known(self, payload: Mapping[str, Any], *, with_files: bool) -> bool:
        """What was taken in once is edited and deleted with its source, also where nothing new is taken in."""
        channel, ts = required(payload, "channel"), required(payload, "ts")
        thread = Thread(channel=channel, ts=required(payload, "thread_ts"))
        shared = Shared(channel=channel, ts=ts, thread_ts=thread.ts)
        if await self._library.from_places(thread.place, shared.place):
            return True
        return with_files and bool(await self._library.from_places_below(places_of_attached(channel, thread.ts)))
