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

    async def heard(self, kind: str, *, timeout_s: float = 15.0) -> Json:
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
        # What is still on its way is not left for the next app.
        await workspace.settled_deliveries(timeout_s=30.0)
    finally:
        await handler.close_async()


async def start_stream(workspace: Workspace, thread: str, text: str, *, channel: str = "handbook") -> str:
    """Begin a streamed answer to Ada in a thread, as the bot; return its ts."""
    started = await workspace.bot().chat_startStream(
        channel=workspace.channel(channel),
        thread_ts=thread,
        markdown_text=text or None,
        recipient_team_id=workspace.team,
        recipient_user_id=workspace.people["ada"],
    )
    return str(started["ts"])
