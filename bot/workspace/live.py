"""What the page sees as it happens: a frame for every change, to those who may see it."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from bot.workspace.json_values import Json

# A page that reads no more is cut off rather than kept in memory: it reads the history when it comes back.
QUEUE_FRAMES = 10_000


class Live:
    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[Json | None], str] = {}
        self._pending: list[tuple[frozenset[str], Json]] = []

    def announce(self, audience: Iterable[str], frame: Json) -> None:
        """Keep a frame for `audience` until the change it tells of is committed."""
        self._pending.append((frozenset(audience), frame))

    def publish(self) -> None:
        pending, self._pending = self._pending, []
        for audience, frame in pending:
            for queue, user in list(self._queues.items()):
                if user in audience:
                    self._put(queue, frame)

    def discard(self) -> None:
        self._pending.clear()

    async def serve(self, socket: web.WebSocketResponse, user: str) -> None:
        """Write frames until the page goes away."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue(QUEUE_FRAMES)
        self._queues[queue] = user
        writer = asyncio.create_task(_write(socket, queue, user))
        try:
            async for _ in socket:  # nothing is expected of the page: this is how its leaving is noticed
                pass
        finally:
            self._queues.pop(queue, None)
            writer.cancel()

    def close(self) -> None:
        for queue in self._queues:
            self._put(queue, None)

    def _put(self, queue: asyncio.Queue[Json | None], frame: Json | None) -> None:
        if queue.full():
            self._queues.pop(queue, None)
            queue.get_nowait()
            frame = None
        queue.put_nowait(frame)


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[Json | None], user: str) -> None:
    await socket.send_json({"type": "hello", "user": user})
    while (frame := await queue.get()) is not None:
        await socket.send_json(frame)
    await socket.close()
