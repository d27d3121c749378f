"""How long nothing could be heard from Slack: what it no longer delivers by itself is asked for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import Arrival
from bot.channel_histories import ChannelHistories
from bot.durable import Durable
from bot.errors import NotStored

log = logging.getLogger("tandem.absences")

# Slack tries to deliver an event for some six minutes, the last time after five.
_DELIVERED_AGAIN = timedelta(minutes=5)
_LOOK_EVERY_S = 60.0


class Absences:
    """Of the bot of one workspace, from its start on."""

    def __init__(self, *, histories: ChannelHistories, durable: Durable, team: str) -> None:
        self._histories = histories
        self._durable = durable
        self._team = team
        self._last: datetime | None = None
        self._since: datetime | None = None

    async def watch(self, hears: Callable[[], Awaitable[bool]], *, look_every_s: float = _LOOK_EVERY_S) -> None:
        """Look whenever events come in; never ends."""
        while True:
            try:
                if await hears():
                    await self.look(datetime.now(UTC))
            except (NotStored, SQLAlchemyError, OSError) as error:
                log.warning("whether channels are current was not looked at: %s", type(error).__name__)
            await asyncio.sleep(look_every_s)

    async def look(self, now: datetime) -> None:
        """Events come in at this time: note it, and have those channels caught up with of which some were missed."""
        if self._since is None or self._last is None or now - self._last > _DELIVERED_AGAIN:
            self._since = now
        self._last = now
        unbroken = self._since - _DELIVERED_AGAIN
        await self._histories.heard(now, since=unbroken)
        for history in await self._histories.behind(unbroken):
            since = history.current_at.isoformat()
            payload = {"team": self._team, "channel": history.channel, "since": since, "until": now.isoformat()}
            # The same work at each look until it is done.
            work_id = f"slack:{self._team}:{history.channel}:catch-up:{since}"
            await self._durable.store(Arrival(id=work_id, kind="catch_up", payload=payload))
