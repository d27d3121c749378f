"""The start at Slack: a token that Slack refuses ends it with one line."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import create_async_engine

from bot.errors import BotError
from bot.service import SlackSettings, open_bot


@pytest.fixture
async def api_url() -> AsyncIterator[str]:
    """A Slack that knows the bot tokens `xoxb-good` and `xoxb-of-an-organisation`, and no app token."""

    async def auth_test(request: web.Request) -> web.Response:
        who = {"ok": True, "user_id": "U1", "bot_id": "B1"}
        known = {
            "Bearer xoxb-good": {**who, "team_id": "T1"},
            "Bearer xoxb-of-an-organisation": {**who, "team_id": "E1", "is_enterprise_install": True},
        }
        refusal = {"ok": False, "error": "invalid_auth"}
        return web.json_response(known.get(request.headers.get("Authorization", ""), refusal))

    async def connections_open(_: web.Request) -> web.Response:
        return web.json_response({"ok": False, "error": "not_allowed_token_type"})

    app = web.Application()
    app.router.add_route("*", "/api/auth.test", auth_test)
    app.router.add_post("/api/apps.connections.open", connections_open)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/api/"
    await runner.cleanup()


async def _open(api_url: str, tmp_path: Any, **tokens: Any) -> None:
    not_asked = cast("Any", None)
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    settings = SlackSettings(api_url=api_url, durable_url=f"sqlite:///{tmp_path / 'durable.db'}", **tokens)
    bot = await open_bot(settings, router=not_asked, library=not_asked, journal=not_asked, engine=engine)
    await bot.stop()


async def test_token_without_a_workspace_of_its_own_ends_the_start(api_url, tmp_path):
    with pytest.raises(BotError, match="in one workspace"):
        await _open(api_url, tmp_path, bot_token="xoxb-of-an-organisation", app_token="xapp-1")


@pytest.mark.parametrize(
    ("tokens", "variable"),
    [
        ({"bot_token": "xoxb-bad", "app_token": "xapp-1"}, "SLACK_BOT_TOKEN"),
        ({"bot_token": "xoxb-good", "app_token": "xapp-bad"}, "SLACK_APP_TOKEN"),
    ],
)
async def test_token_that_slack_refuses_ends_the_start_by_its_name(api_url, tmp_path, tokens, variable):
    with pytest.raises(BotError, match=variable):
        await _open(api_url, tmp_path, **tokens)
