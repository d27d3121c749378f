"""Bolt over HTTP, with its own signature check."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import unused_port
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from tests.bot.workspace.apps import App
from tests.bot.workspace.conftest import FAST
from tests.bot.workspace.driver import Json, Workspace, running_workspace


class HttpApp(App):
    """Keeps the headers of what it hears; answers 500 to the first `fail` events."""

    fail = 0

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.headers: list[dict[str, str]] = []

    async def receive(self, request: web.Request) -> web.Response:
        body: Json = await request.json() if request.content_type == "application/json" else {}
        if body.get("type") == "event_callback":
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            if self.fail:
                self.fail -= 1
                return web.Response(status=500)
        return await to_aiohttp_response(await self.bolt.async_dispatch(await to_bolt_request(request)))


@contextlib.asynccontextmanager
async def _listening_app(home: Path, **wishes: Any) -> AsyncIterator[tuple[Workspace, HttpApp]]:
    port = unused_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    async with running_workspace(home, *FAST, "--request-url", url) as workspace:
        app = HttpApp(workspace)
        for name, value in wishes.items():
            setattr(app, name, value)
        server = web.Application()
        server.router.add_post("/slack/events", app.receive)
        runner = web.AppRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield workspace, app
        finally:
            await runner.cleanup()


async def test_signed_event_passes_bolts_check(tmp_path: Path) -> None:
    async with _listening_app(tmp_path) as (workspace, app):
        app.answer("app_mention", "heard over HTTP")
        asked = await workspace.mention("ada", "handbook", "hello")
        [answer] = await workspace.answers("handbook", asked)
    assert answer["text"] == "heard over HTTP"
    assert app.headers[0]["x-slack-signature"].startswith("v0=")
    assert "x-slack-retry-num" not in app.headers[0]


async def test_failed_event_comes_again_with_its_number_and_reason(tmp_path: Path) -> None:
    async with _listening_app(tmp_path, fail=3) as (workspace, app):
        await workspace.post("ada", "handbook", "once more")
        [delivery] = await workspace.settled_deliveries()
    assert delivery["state"] == "acknowledged"
    numbers = [(sent.get("x-slack-retry-num"), sent.get("x-slack-retry-reason")) for sent in app.headers]
    assert numbers == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_event_for_an_app_that_is_down_is_given_up(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}/slack/events"
    async with running_workspace(tmp_path, *FAST, "--request-url", url) as workspace:
        await workspace.post("ada", "handbook", "nobody hears")
        [delivery] = await workspace.settled_deliveries()
    assert (delivery["state"], delivery["reason"], delivery["attempt"]) == ("given_up", "connection_failed", 3)


async def test_command_and_click_come_as_signed_forms(tmp_path: Path) -> None:
    async with _listening_app(tmp_path) as (workspace, app):

        @app.bolt.command("/ingest")
        async def ingest(ack: Any) -> None:
            await ack("looking at it")

        @app.bolt.action("go")
        async def go(ack: Any) -> None:
            await ack()

        ada = await workspace.frames("ada")
        assert await workspace.command("ada", "general", "/ingest", "a b&c") == {"ok": True}
        await ada.wait_for("ephemeral", lambda frame: frame["message"]["text"] == "looking at it")
        button = {"type": "button", "action_id": "go", "value": "1", "text": {"type": "plain_text", "text": "Go"}}
        await workspace.bot().chat_postMessage(
            channel=workspace.channel("general"), text="x", blocks=[{"type": "actions", "elements": [button]}]
        )
        [message] = [kept for kept in await workspace.visible_messages("general") if kept.get("blocks")]
        clicked = await workspace.click("ada", "general", message, action_id="go")
    assert clicked["ok"]
    assert (await app.heard("/ingest"))["text"] == "a b&c"
    assert (await app.heard("block_actions"))["actions"][0]["value"] == "1"
