"""When something may go out: Slack takes one post a second in a channel."""

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

POST_INTERVAL_S = 1.0
_IDLE_LANES_KEPT = 1_000


@dataclass(slots=True)
class _Lane:
    """A channel's queue. `free_at` is when the next post may start."""

    free_at: float = 0.0
    busy: bool = False
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(
        default_factory=list[tuple[int, int, asyncio.Future[None]]]
    )


class Pacer:
    """One for all that the bot posts. Answers to people go before notes; within each, first come, first served."""

    def __init__(self, *, interval_s: float = POST_INTERVAL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, channel: str, *, urgent: bool = True) -> AsyncGenerator[None]:
        """Hold the channel for one post; a post that waits out a `Retry-After` holds back those behind it."""
        lane = self._lane(channel)
        await self._enter(lane, urgent=urgent)
        try:
            wait = lane.free_at - self._clock()
            if wait > 0:
                await asyncio.sleep(wait)
            yield
        finally:
            lane.free_at = self._clock() + self._interval_s
            self._leave(lane)

    def _lane(self, channel: str) -> _Lane:
        if len(self._lanes) > _IDLE_LANES_KEPT:
            now = self._clock()
            self._lanes = {name: lane for name, lane in self._lanes.items() if lane.busy or lane.free_at > now}
        return self._lanes.setdefault(channel, _Lane())

    async def _enter(self, lane: _Lane, *, urgent: bool) -> None:
        if not lane.busy:
            lane.busy = True
            return
        called = asyncio.get_running_loop().create_future()
        heapq.heappush(lane.waiting, (0 if urgent else 1, next(self._arrivals), called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._leave(lane)
            raise

    def _leave(self, lane: _Lane) -> None:
        while lane.waiting:
            _, _, called = heapq.heappop(lane.waiting)
            if not called.done():
                called.set_result(None)
                return
        lane.busy = False
