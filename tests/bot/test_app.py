"""Bolt's listeners, from a delivery to what the person sees at once."""

from typing import Any, cast

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import build_app
from bot.arrivals import Arrival, Identity
from bot.channel_command import ChannelCommands, ChannelRequest
from bot.directory import Directory
from bot.documents import DocumentDesk
from bot.durable import Durable
from bot.errors import NotStored, SlackRefused, SlackUnreachable
from bot.intake import Intake
from bot.reasons import ReasonDesk
from bot.rendering import Page, section
from bot.slack import Slack
from bot.sources import SourceDesk
from knowledge.errors import CatalogueUnavailable
from tests.bot.fakes import FakeSlack, channel, slack_that

_ME = Identity(team="T1", user="UBOT", bot="BBOT")


class _Slack(FakeSlack):
    def anonymous_client(self) -> AsyncWebClient:
        return AsyncWebClient()

    def called(self, method: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == method]


class _Parts:
    """Stands for the intake, the stored work and the desks of sources and documents."""

    def __init__(self, arrival: Arrival | None) -> None:
        self._arrival = arrival

    async def take_in(self, body: dict[str, Any]) -> tuple[int, Arrival | None]:
        return 200, self._arrival

    async def result(self, work_id: str) -> str:
        return "vote_down"

    async def view(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "modal"}

    async def answer(self, body: dict[str, Any], request: ChannelRequest) -> str:
        if body["user_id"] == "U9":
            raise NotStored("the disk is full")
        return f"{request.wants} {request.id}"

    async def listed(self, *, channel: str, user: str, page: int = 1) -> Page:
        if user == "U9":
            raise CatalogueUnavailable
        said = f"page {page} of {channel} for {user}"
        return Page(text=said, blocks=[section(said)])


async def _deliver(slack: _Slack, body: dict[str, Any], arrival: Arrival | None = None) -> str:
    """What the acknowledgement says."""
    parts = _Parts(arrival)
    app = build_app(
        slack=cast("Slack", slack),
        token="xoxb-",
        me=_ME,
        intake=cast("Intake", parts),
        durable=cast("Durable", parts),
        directory=Directory(cast("Slack", slack), team="T1"),
        sources=cast("SourceDesk", parts),
        reasons=cast("ReasonDesk", parts),
        documents=cast("DocumentDesk", parts),
        channels=cast("ChannelCommands", parts),
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


@pytest.mark.parametrize(
    ("text", "page"), [("list", 1), ("list 3", 3), ("list all", 1), ("list " + "9" * 5_000, 999_999)]
)
async def test_list_is_shown_to_whoever_asks_with_the_acknowledgement(text: str, page: int) -> None:
    slack = _slack()
    assert f"page {page} of C1 for U1" in await _deliver(slack, _command(text=text))
    assert slack.calls == []


async def test_list_that_cannot_be_looked_up_says_so() -> None:
    assert "could not be looked up" in await _deliver(_slack(), _command(text="list", user_id="U9"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("remove", "/ingest remove 12345"), ("refresh", "/ingest refresh 12345"), ("help", "/ingest undo")],
)
async def test_command_without_what_it_needs_says_how_to_write_it(text: str, said: str) -> None:
    assert said in await _deliver(_slack(), _command(text=text))


async def test_command_that_names_a_channel_is_answered_by_what_came_of_it() -> None:
    assert "start C1" in await _deliver(_slack(), _command(text="<#C1|ops>"))
    assert "stop C1" in await _deliver(_slack(), _command(text="stop <#C1|ops>"))
    assert "Nothing was begun" in await _deliver(_slack(), _command(text="<#C1|ops>", user_id="U9"))
    assert "`/ingest stop #channel`" in await _deliver(_slack(), _command(text="stop"))


async def test_button_under_the_list_turns_its_page_in_place() -> None:
    heard: list[dict[str, Any]] = []

    def hear(_: str, sent: dict[str, Any]) -> web.Response:
        heard.append(sent)
        return web.Response(text="ok")

    async with slack_that(hear) as server:
        await _deliver(_slack(), _click("tandem_documents_older", "2", response_url=f"{server.api_url}respond"))
    ((said, replaced),) = [(sent["text"], sent["replace_original"]) for sent in heard]
    assert (said, replaced) == ("page 2 of C1 for U1", True)


_TOO_LATE = SlackRefused("views.open", "expired_trigger_id")
_THREAD = {"thread_ts": "100.1", "ts": "100.2"}


def _click(action_id: str, value: str, **more: Any) -> dict[str, Any]:
    action = {"type": "button", "block_id": "b", "action_id": action_id, "value": value, "action_ts": "200.1"}
    return {
        "type": "block_actions", "team": {"id": "T1"}, "channel": {"id": "C1"}, "user": {"id": "U1"}, "trigger_id": "t",
        "actions": [action], **more,
    }  # fmt: skip


async def test_vote_whose_form_comes_too_late_is_said_to_be_noted_and_its_form_is_a_click_away() -> None:
    late = _slack(views__open=_TOO_LATE)
    vote = Arrival(id="w1", kind="vote", payload={"channel": "C1", "thread_ts": "100.1"})
    await _deliver(late, _click("tandem_feedback", "down e1", message=_THREAD), vote)
    (note,) = late.called("chat.postEphemeral")
    assert (note["channel"], note["user"], note["thread_ts"]) == ("C1", "U1", "100.1")
    assert "Noted as a bad answer" in note["text"]
    (clicked,) = note["blocks"][-1]["elements"]
    in_time = _slack()
    container = {"thread_ts": "100.1", "is_ephemeral": True}
    await _deliver(in_time, _click(clicked["action_id"], clicked["value"], container=container))
    (opened,) = in_time.called("views.open")
    assert opened["view"]["private_metadata"] == "e1 C1 100.1"


async def test_source_that_comes_too_late_is_asked_for_again() -> None:
    slack = _slack(views__open=_TOO_LATE)
    await _deliver(slack, _click("tandem_source", "1 e1", message=_THREAD))
    (note,) = slack.called("chat.postEphemeral")
    assert (note["channel"], note["user"]) == ("C1", "U1")
    assert "click again" in note["text"]
