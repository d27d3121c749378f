"""Errors carry Slack's own names, where Slack gives them."""

import pytest
import pytest_asyncio
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.bot.workspace.apps import connected_app, start_stream
from tests.bot.workspace.driver import Workspace
from tests.bot.workspace.refusals import REFUSALS, Refusal, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(shared_workspace: Workspace) -> Scene:
    workspace, bot = shared_workspace, shared_workspace.bot()
    channel = workspace.channel("handbook")
    asked = await workspace.post("ada", "handbook", "a question")
    answered = await bot.chat_postMessage(channel=channel, text="an answer", thread_ts=asked)
    streaming = await start_stream(workspace, asked, "")
    streamed = await start_stream(workspace, asked, "done")
    await bot.chat_stopStream(channel=channel, ts=streamed)
    async with connected_app(workspace) as app:
        await workspace.command("ada", "handbook", "/ingest")
        trigger = (await app.heard("/ingest"))["trigger_id"]
    return Scene(
        workspace=workspace,
        asked=asked,
        answered=str(answered["ts"]),
        streaming=streaming,
        streamed=streamed,
        trigger=trigger,
    )


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
async def test_refused_by_the_name_slack_gives_it(scene: Scene, refusal: Refusal) -> None:
    with pytest.raises(SlackApiError) as refused:
        await _client(scene.workspace, refusal.caller).api_call(refusal.method, json=refusal.arguments(scene))
    assert refused.value.response["error"] == refusal.error


@pytest.mark.parametrize(("token", "error"), [(None, "not_authed"), ("xoxb-1-forged", "invalid_auth")])
async def test_call_without_a_known_token_is_refused(
    shared_workspace: Workspace, token: str | None, error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await AsyncWebClient(token=token, base_url=shared_workspace.api_url).auth_test()
    assert refused.value.response["error"] == error


async def test_missing_scope_says_what_is_needed_and_what_is_there(shared_workspace: Workspace) -> None:
    with pytest.raises(SlackApiError) as refused:
        await shared_workspace.bot().conversations_join(channel=shared_workspace.channel("random"))
    response = refused.value.response
    assert (response["error"], response["needed"]) == ("missing_scope", "channels:join")
    assert "chat:write" in response["provided"].split(",")


async def test_faulty_block_is_named_by_its_place(shared_workspace: Workspace) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as refused:
        await shared_workspace.bot().chat_postMessage(
            channel=shared_workspace.channel("handbook"), text="x", blocks=blocks
        )
    [message] = refused.value.response["response_metadata"]["messages"]
    assert "json-pointer:/blocks/0/text/text" in message


async def test_deactivated_persons_token_is_refused(shared_workspace: Workspace) -> None:
    await shared_workspace.change_person("sam", deleted=True)
    try:
        with pytest.raises(SlackApiError) as refused:
            await shared_workspace.person("sam").auth_test()
    finally:
        await shared_workspace.change_person("sam", deleted=False)
    assert refused.value.response["error"] == "account_inactive"


def _client(workspace: Workspace, caller: str) -> AsyncWebClient:
    if caller == "bot":
        return workspace.bot()
    if caller == "app":
        return AsyncWebClient(token=workspace.app_token, base_url=workspace.api_url)
    return workspace.person(caller)
