"""Bolt's listeners, from a delivery to what the person sees at once."""

from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import build_app
from bot.arrivals import Arrival, Identity
from bot.directory import Directory
from bot.durable import Durable
from bot.errors import SlackRefused, SlackUnreachable
from bot.intake import Intake
from bot.slack import Slack
from bot.sources import SourceDesk
from tests.bot.fakes import FakeSlack, channel

_ME = Identity(team="T1", user="UBOT", bot="BBOT")


class _Slack(FakeSlack):
    def anonymous_client(self) -> AsyncWebClient:
        return AsyncWebClient()

    def called(self, method: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == method]


class _Parts:
    """Stands for the intake, the stored work and the desk of sources."""

    def __init__(self, arrival: Arrival | None) -> None:
        self._arrival = arrival

    async def take_in(self, body: dict[str, Any]) -> tuple[int, Arrival | None]:
        return 200, self._arrival

    async def result(self, work_id: str) -> str:
        return "vote_down"

    async def view(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "modal"}


async def _deliver(slack: _Slack, body: dict[str, Any], arrival: Arrival | None = None) -> str:
    """What the acknowledgement says."""
    parts = _Parts(arrival)
    app = build_app(
        slack=cast("Slack", slack),
        token="xoxb-",
        me=_ME,
        intake=cast("Intake", parts),
        durable=cast("Durable", parts),
        directory=Directory(cast("Slack", slack)),
        sources=cast("SourceDesk", parts),
        signing_secret="",
    )
    response = await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
    assert response.status == 200
    return response.body or ""


def _slack(**replies: Any) -> _Slack:
    return _Slack(**{"views__open": {}, "chat__postEphemeral": {}, "conversations__info": channel(), **replies})


def _command(**fields: str) -> dict[str, Any]:
    return {
        "command": "/ingest",
        "text": "",
        "team_id": "T1",
        "channel_id": "C1",
        "user_id": "U1",
        "trigger_id": "t",
    } | fields


async def test_command_opens_the_form_in_a_channel_that_the_bot_is_in() -> None:
    slack = _slack(conversations__info=channel(is_member=True))
    assert await _deliver(slack, _command()) == ""
    assert slack.called("views.open")


@pytest.mark.parametrize("found", [channel(is_member=False), SlackRefused("conversations.info", "channel_not_found")])
async def test_command_where_the_bot_is_not_a_member_says_so_and_opens_no_form(found: Any) -> None:
    slack = _slack(conversations__info=found)
    assert "invite me" in (await _deliver(slack, _command())).lower()
    assert not slack.called("views.open")


async def test_command_that_comes_while_slack_cannot_be_asked_is_answered() -> None:
    slack = _slack(conversations__info=SlackUnreachable("away"))
    assert "could not be opened" in await _deliver(slack, _command())
