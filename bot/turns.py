"""Who is answered when: one question of a thread at a time, and no person before all others."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ThreadLocks:
    """One question of a thread at a time, in the order in which they asked for the lock.

    So the second question sees the first one's answer, and after a crash at most one message of a thread has no owner yet.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._users: dict[tuple[str, str], int] = {}

    @asynccontextmanager
    async def hold(self, channel: str, thread_ts: str) -> AsyncGenerator[None]:
        key = (channel, thread_ts)
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] = self._users.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]


class Seats:
    """At most `seats` answers at once; when all are taken, waiting people take turns, whoever asked most."""

    def __init__(self, seats: int) -> None:
        self._free = seats
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def sit(self, person: str) -> AsyncGenerator[None]:
        await self._enter(person)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, person: str) -> None:
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(person, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            person, queue = self._waiting.popitem(last=False)
            called = queue.popleft()
            if queue:
                self._waiting[person] = queue  # to the end: the others come first
            if not called.done():
                called.set_result(None)
                return
        self._free += 1
