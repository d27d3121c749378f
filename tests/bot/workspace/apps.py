"""Small apps on real Bolt, to try the workspace with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from tests.bot.workspace.driver import Json, Workspace


class App:
    """A Bolt app that keeps what it hears; `refuse` counts the events it does not acknowledge."""

    def __init__(self, workspace: Workspace) -> None:
        self.bolt = AsyncApp(token=workspace.bot_token, signing_secret=workspace.signing_secret, client=workspace.bot())
        self.bodies: list[Json] = []
        self.refuse = 0
        self._answers: dict[str, str] = {}
        self._more = asyncio.Event()
        self.bolt.middleware(self._hear)
        for event in ("message", "app_mention", "app_home_opened", "file_shared"):
            self.bolt.event(event)(self._say)

    def answer(self, event: str, text: str) -> None:
        """Answer each such event in its thread."""
        self._answers[event] = text

    async def heard(self, kind: str, *, timeout_s: float = 5.0) -> Json:
        """Return the first body of this event type, command or interaction."""
        async with asyncio.timeout(timeout_s):
            while True:
                self._more.clear()
                for body in self.bodies:
                    if kind in {body.get("type"), body.get("command"), body.get("event", {}).get("type")}:
                        return body
                await self._more.wait()

    async def _say(self, event: Json, say: Any) -> None:
        if event["type"] in self._answers:
            await say(self._answers[event["type"]], thread_ts=event.get("thread_ts") or event["ts"])

    async def _hear(self, body: Json, next: Any) -> BoltResponse | None:  # noqa: A002 - Bolt passes by name
        self.bodies.append(body)
        self._more.set()
        if self.refuse:
            self.refuse -= 1
            return BoltResponse(status=500)
        await next()
        return None


@contextlib.asynccontextmanager
async def connected_app(workspace: Workspace) -> AsyncIterator[App]:
    """Connect an app over Socket Mode."""
    app = App(workspace)
    handler = AsyncSocketModeHandler(app.bolt, workspace.app_token)
    await handler.connect_async()
    try:
        yield app
    finally:
        await handler.close_async()
