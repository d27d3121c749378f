"""The door to Slack over a real server that answers as Slack does, or as what stands in front of it may."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
from bot.deliveries import Deliveries
from bot.errors import SlackAmbiguous, SlackBusy, SlackRefused, SlackUnauthorized, SlackUnreachable
from bot.failpoints import Failpoints
from bot.orphans import Place
from bot.pacer import Pacer
from bot.rendering import Page
from bot.stream import Outlet
from tests.bot.fakes import slack_that


def _page(status: int = 200, body: bytes = b"<html>Log in</html>", kind: str = "text/html") -> web.Response:
    return web.Response(status=status, body=body, content_type=kind)


_GARBLED = [
    (200, b"<html>Log in</html>", "text/html"),
    (200, b'{"ok": true, "ts": "50', "application/json"),
    (200, b"", "application/json"),
    (200, b"{}", "application/json"),
    (200, b'{"ok": false}', "application/json"),
    (200, b'["ok"]', "application/json"),
    (200, b'{"ok": "\xff"}', "application/json"),
    (200, b"ok", "text/plain"),
    (304, b"", "text/html"),
    (502, b"<html>Bad Gateway</html>", "text/html"),
]


@pytest.mark.parametrize("garbled", _GARBLED)
async def test_answer_without_slacks_own_word_leaves_open_whether_it_was_done(garbled: tuple[int, bytes, str]) -> None:
    async with slack_that(lambda _method, _sent: _page(*garbled)) as slack:
        with pytest.raises(SlackAmbiguous):
            await slack.write("chat.postMessage", channel="C1", text="So.")


@pytest.mark.parametrize("garbled", _GARBLED)
async def test_garbled_answer_to_a_question_is_no_answer_and_can_be_asked_for_again(
    garbled: tuple[int, bytes, str],
) -> None:
    async with slack_that(lambda _method, _sent: _page(*garbled)) as slack:
        with pytest.raises(SlackUnreachable):
            await slack.read("users.info", user="U1")


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (_page(404), SlackRefused),
        (_page(429), SlackBusy),
        (web.json_response({"ok": False, "error": "not_in_channel"}), SlackRefused),
    ],
)
async def test_refusal_means_that_nothing_was_done(refusal: web.Response, error: type[Exception]) -> None:
    async with slack_that(lambda _method, _sent: refusal) as slack:
        with pytest.raises(error):
            await slack.write("chat.startStream", channel="C1")


@pytest.mark.parametrize("code", ["account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"])
async def test_token_that_slack_does_not_take_is_told_from_a_call_that_it_refuses(code: str) -> None:
    refusal = {"ok": False, "error": code}
    async with slack_that(lambda _method, _sent: web.json_response(refusal)) as slack:
        with pytest.raises(SlackUnauthorized, match=code):
            await slack.write("chat.postMessage", channel="C1", text="So.")
        with pytest.raises(SlackUnauthorized, match=code):
            await slack.read("users.info", user="U1")


async def test_post_whose_answer_was_garbled_is_found_again_and_not_repeated(tmp_path: Path) -> None:
    posts: list[dict[str, Any]] = []

    def answer(method: str, sent: Any) -> web.Response:
        if method == "conversations.replies":
            return web.json_response({"ok": True, "messages": posts})
        posts.append({**sent, "user": "UBOT", "ts": f"{500 + len(posts)}.1"})
        return _page()

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
    deliveries = Deliveries(engine)
    place = Place(team="T1", channel="C1", thread_ts="100.1", after_ts="100.1", user="U1")
    async with slack_that(answer) as slack:
        outlet = Outlet(
            slack=slack, deliveries=deliveries, pacer=Pacer(interval_s=0), bot_user="UBOT", failpoints=Failpoints()
        )
        await outlet.reply(place, "w1", "w1").replace([Page(text="So.", blocks=[])])
    assert [post["text"] for post in posts] == ["So."]
    assert await deliveries.messages("w1") == ["500.1"]
    await engine.dispose()
