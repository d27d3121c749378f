"""A token that is revoked while the bot runs, and one that works again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiohttp import web

from bot.arrivals import Arrival, Identity
from bot.errors import SlackUnauthorized
from bot.failpoints import Failpoints
from bot.intake import Intake
from bot.service import Bot, SlackSettings
from bot.slack import Slack
from tests.bot.fakes import slack_that

_MENTION = {
    "type": "event_callback", "team_id": "T1",
    "event": {"type": "app_mention", "channel": "C1", "ts": "100.2", "user": "U1", "text": "<@UBOT> hello"},
}  # fmt: skip


@dataclass
class _Parts:
    """Stands for the stored work, for channels that are not followed, and for the connection, which stays up; `is_revoked` is what Slack thinks of the token."""

    is_revoked: bool = False
    stored: list[Arrival] = field(default_factory=list[Arrival])

    def answer(self, _method: str, _sent: Any) -> web.Response:
        refusal = {"ok": False, "error": "token_revoked"}
        return web.json_response(refusal if self.is_revoked else {"ok": True})

    async def store(self, arrival: Arrival) -> None:
        self.stored.append(arrival)

    async def read(self, _body: Any) -> None: ...

    def launch(self, **_: Any) -> None: ...
    async def catch_up(self, _now: Any) -> None: ...
    async def waiting(self) -> list[Any]:
        return []

    async def drain(self, _timeout_s: float) -> bool:
        return True

    async def close(self) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def is_up(self) -> bool:
        return True


@dataclass
class _Running:
    bot: Bot
    slack: Slack
    intake: Intake
    parts: _Parts


@asynccontextmanager
async def _running() -> AsyncIterator[_Running]:
    parts = _Parts()
    stand_in = cast("Any", parts)
    me = Identity(team="T1", user="UBOT", bot="BBOT")
    intake = Intake(durable=stand_in, deliveries=stand_in, following=stand_in, me=me, failpoints=Failpoints())
    settings = SlackSettings(bot_token="xoxb-1", durable_url="", look_every_s=0.01)
    async with slack_that(parts.answer) as slack:
        bot = Bot(slack=slack, durable=stand_in, intake=intake, connection=parts, settings=settings, nightly=None)
        await bot.start()
        yield _Running(bot=bot, slack=slack, intake=intake, parts=parts)
        await bot.stop()


async def _revoke(running: _Running) -> None:
    running.parts.is_revoked = True
    with pytest.raises(SlackUnauthorized):
        await running.slack.write("chat.postMessage", channel="C1", text="So.")


async def test_delivery_is_left_to_slack_while_it_does_not_take_the_token() -> None:
    async with _running() as running:
        await _revoke(running)
        await asyncio.sleep(0.1)
        assert (await running.intake.take_in(_MENTION))[0] == 503
        assert running.parts.stored == []


async def test_bot_is_not_ready_while_slack_does_not_take_its_token() -> None:
    async with _running() as running:
        assert await running.bot.connected()
        await _revoke(running)
        await asyncio.sleep(0.1)
        assert not await running.bot.connected()


async def test_deliveries_are_taken_in_again_when_the_token_works_again() -> None:
    async with _running() as running:
        await _revoke(running)
        await asyncio.sleep(0.1)
        assert (await running.intake.take_in(_MENTION))[0] == 503
        running.parts.is_revoked = False
        async with asyncio.timeout(5):
            while not await running.bot.connected():
                await asyncio.sleep(0.01)
        assert (await running.intake.take_in(_MENTION))[0] == 200


async def test_refused_token_is_logged_once_as_an_error_that_names_its_variable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with _running() as running:
        for _ in range(3):
            await _revoke(running)
            await asyncio.sleep(0.05)
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "SLACK_BOT_TOKEN" in said.getMessage()


async def test_bot_that_ends_while_the_token_is_refused_stays_closed() -> None:
    async with _running() as running:
        await _revoke(running)
        await asyncio.sleep(0.1)
        await running.bot.stop()
        running.slack.open()  # so that only the end of the watch can keep it closed
        running.parts.is_revoked = False
        await asyncio.sleep(0.1)
        assert not running.intake.open
