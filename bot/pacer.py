"""When something may go out: Slack takes one post a second in a channel."""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

POST_INTERVAL_S = 1.0

_Waiting = tuple[int, int, asyncio.Future[None]]


@dataclass(slots=True)
class _Lane:
    """A channel that posted less than an interval ago, and what waits for it."""

    waiting: list[_Waiting] = field(default_factory=list[_Waiting])


class Pacer:
    """One for all that the bot posts. Answers to people go before notes; within each, first come, first served."""

    def __init__(self, *, interval_s: float = POST_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._lanes: dict[str, _Lane] = {}
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, channel: str, *, urgent: bool = True) -> AsyncGenerator[None]:
        """Hold the channel for one post; a post that waits out a `Retry-After` holds back those behind it."""
        await self._enter(channel, urgent=urgent)
        try:
            yield
        finally:
            # Who is next is decided when the interval is over: an answer that comes meanwhile goes before a note.
            asyncio.get_running_loop().call_later(self._interval_s, self._call_next, channel)

    async def _enter(self, channel: str, *, urgent: bool) -> None:
        lane = self._lanes.get(channel)
        if lane is None:
            self._lanes[channel] = _Lane()
            return
        called = asyncio.get_running_loop().create_future()
        heapq.heappush(lane.waiting, (0 if urgent else 1, next(self._arrivals), called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._call_next(channel)
            raise

    def _call_next(self, channel: str) -> None:
        waiting = self._lanes[channel].waiting
        while waiting:
            _, _, called = heapq.heappop(waiting)
            if not called.done():
                called.set_result(None)
                return
        del self._lanes[channel]
