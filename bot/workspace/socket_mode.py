"""Socket Mode: WebSockets that the app opens, envelopes that it acknowledges.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import itertools
import json
import uuid
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from bot.workspace.app_link import Outcome
from bot.workspace.json_values import Json
from bot.workspace.socket_tickets import use_ticket
from bot.workspace.state import encode
from bot.workspace.workspace import Workspace

MOST_CONNECTIONS = 10
DRAIN_S = 2.0  # between asking for a reconnect and closing
HEARTBEAT_S = 30.0


@dataclass(eq=False, slots=True)
class _Connection:
    socket: web.WebSocketResponse
    draining: bool = False


class SocketMode:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._connections: list[_Connection] = []
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}
        self._drains: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Take a connection of the app's, for as long as it lasts."""
        if not use_ticket(self._workspace, request.query.get("ticket", "")):
            return web.Response(status=401, text="This ticket is unknown, used or expired: call apps.connections.open.")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=4_000_000)
        await socket.prepare(request)
        if len(self._connections) >= MOST_CONNECTIONS:
            await socket.send_json(self._disconnect("too_many_websockets"))
            await socket.close()
            return socket
        connection = _Connection(socket)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._connections.remove(connection)
        return socket

    async def send(self, kind: str, payload: Json, *, attempt: int = 0, reason: str = "") -> Outcome:
        """Send to one of the open connections, whichever has its turn."""
        connection = self._next_connection()
        if connection is None:
            return Outcome(acknowledged=False, reason="timeout", connected=False)
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            "payload": payload,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        acknowledged: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = acknowledged
        try:
            async with asyncio.timeout(self._workspace.options.ack_s):
                await connection.socket.send_str(encode(envelope))
                return Outcome(acknowledged=True, body=await acknowledged)
        except (TimeoutError, ConnectionError):
            return Outcome(acknowledged=False, reason="timeout")
        finally:
            del self._waiting[envelope["envelope_id"]]

    async def refresh(self, reason: str = "refresh_requested") -> int:
        """Ask every open connection to be replaced, as Slack does every few hours; return how many there were."""
        asked = [connection for connection in self._connections if not connection.draining]
        for connection in asked:
            connection.draining = True
            await connection.socket.send_json(self._disconnect(reason))
            drain = asyncio.create_task(_close_later(connection))
            self._drains.add(drain)
            drain.add_done_callback(self._drains.discard)
        return len(asked)

    async def close(self) -> None:
        for connection in list(self._connections):
            await connection.socket.close()

    def _next_connection(self) -> _Connection | None:
        ready = [connection for connection in self._connections if not connection.draining]
        return ready[next(self._turn) % len(ready)] if ready else None

    def _acknowledge(self, text: str) -> None:
        try:
            frame = json.loads(text)
            acknowledged = self._waiting.get(frame["envelope_id"])
        except (ValueError, KeyError, TypeError):
            return  # not an acknowledgement: Slack ignores it
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(frame.get("payload"))

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": self._workspace.team.bot.app},
            "debug_info": {"host": "workspace", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _disconnect(self, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "workspace"}}


async def _close_later(connection: _Connection) -> None:
    await asyncio.sleep(DRAIN_S)
    await connection.socket.close()
