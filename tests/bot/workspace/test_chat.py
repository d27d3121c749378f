"""Messages and streams, as slack_sdk writes them and people see them."""

import asyncio

import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.workspace.apps import start_stream
from tests.bot.workspace.driver import Workspace, running_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

METADATA = {"event_type": "answer", "event_payload": {"exchange_id": "x1"}}


async def test_text_beyond_40_000_characters_is_cut_and_says_so(shared_workspace: Workspace) -> None:
    posted = await shared_workspace.bot().chat_postMessage(
        channel=shared_workspace.channel("handbook"), text="x" * 40_001
    )
    assert len(posted.get("message", {})["text"]) == 40_000
    assert posted.get("response_metadata", {})["warnings"] == ["message_truncated"]


async def test_metadata_is_kept_and_returned_when_asked_for(shared_workspace: Workspace) -> None:
    asked = await shared_workspace.post("ada", "handbook", "a question")
    channel = shared_workspace.channel("handbook")
    await shared_workspace.bot().chat_postMessage(channel=channel, text="x", thread_ts=asked, metadata=METADATA)
    plain = await shared_workspace.bot().conversations_replies(channel=channel, ts=asked)
    whole = await shared_workspace.bot().conversations_replies(channel=channel, ts=asked, include_all_metadata=True)
    assert "metadata" not in plain.get("messages", [])[1]
    assert whole.get("messages", [])[1]["metadata"] == METADATA


async def test_update_with_text_alone_removes_the_blocks(shared_workspace: Workspace) -> None:
    bot, channel = shared_workspace.bot(), shared_workspace.channel("handbook")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "old"}}]
    posted = await bot.chat_postMessage(channel=channel, text="old", blocks=blocks)
    updated = await bot.chat_update(channel=channel, ts=str(posted["ts"]), text="new")
    assert updated.get("message", {})["text"] == "new"
    assert "blocks" not in updated.get("message", {})


async def test_ephemeral_message_is_seen_by_one_person_and_is_in_no_history(shared_workspace: Workspace) -> None:
    ada, jonas = await shared_workspace.frames("ada"), await shared_workspace.frames("jonas")
    channel = shared_workspace.channel("handbook")
    await shared_workspace.bot().chat_postEphemeral(
        channel=channel, user=shared_workspace.people["ada"], text="only you"
    )
    await shared_workspace.post("ada", "handbook", "after it")
    seen = await ada.wait_for("ephemeral")
    await jonas.wait_for("message")
    assert seen["message"]["text"] == "only you"
    assert not jonas.of_type("ephemeral")
    assert "only you" not in [message["text"] for message in await shared_workspace.visible_messages("handbook")]


async def test_permalink_names_the_message_and_its_thread(shared_workspace: Workspace) -> None:
    asked = await shared_workspace.post("ada", "handbook", "a question")
    reply = await shared_workspace.post("jonas", "handbook", "a reply", thread=asked)
    channel = shared_workspace.channel("handbook")
    link = await shared_workspace.bot().chat_getPermalink(channel=channel, message_ts=reply)
    assert str(link["permalink"]).endswith(
        f"/archives/{channel}/p{reply.replace('.', '')}?thread_ts={asked}&cid={channel}"
    )


async def test_sdk_streams_text_that_people_see_grow(shared_workspace: Workspace) -> None:
    ada = await shared_workspace.frames("ada")
    asked = await shared_workspace.post("ada", "handbook", "a question")
    stream = await shared_workspace.bot().chat_stream(
        channel=shared_workspace.channel("handbook"),
        thread_ts=asked,
        recipient_team_id=shared_workspace.team,
        recipient_user_id=shared_workspace.people["ada"],
        buffer_size=1,
    )
    for word in ("One ", "two ", "three."):
        await stream.append(markdown_text=word)
    buttons = {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "up:x1"},
        "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "down:x1"},
    }
    await stream.stop(blocks=[{"type": "context_actions", "elements": [buttons]}], metadata=METADATA)
    stopped = await ada.wait_for("stream_stopped", lambda frame: frame["message"]["text"] == "One two three.")
    assert [block["type"] for block in stopped["message"]["blocks"]] == ["markdown", "context_actions"]
    assert [frame["text"] for frame in ada.of_type("stream_appended")] == ["two ", "three."]
    [answer] = await shared_workspace.answers("handbook", asked)
    assert (answer["streaming_state"], answer["metadata"]) == ("completed", METADATA)


async def test_stream_in_a_direct_message_needs_no_recipient(shared_workspace: Workspace) -> None:
    asked = await shared_workspace.tell("ada", "hello")
    bot, channel = shared_workspace.bot(), shared_workspace.channel("@ada")
    started = await bot.chat_startStream(channel=channel, thread_ts=asked)
    await bot.chat_stopStream(channel=channel, ts=str(started["ts"]), markdown_text="hello yourself")
    [answer] = await shared_workspace.answers("@ada", asked, name="ada")
    assert answer["text"] == "hello yourself"


async def test_status_shows_until_the_bot_answers(shared_workspace: Workspace) -> None:
    ada = await shared_workspace.frames("ada")
    asked = await shared_workspace.post("ada", "handbook", "a question")
    bot, channel = shared_workspace.bot(), shared_workspace.channel("handbook")
    await bot.assistant_threads_setStatus(
        channel_id=channel, thread_ts=asked, status="is searching", loading_messages=["one", "two"]
    )
    shown = await ada.wait_for("status")
    assert (shown["status"], shown["loading_messages"]) == ("is searching", ["one", "two"])
    await bot.chat_postMessage(channel=channel, thread_ts=asked, text="found")
    await ada.wait_for("status", lambda frame: frame["status"] == "")


async def test_broken_and_abandoned_calls_do_what_they_say(shared_workspace: Workspace) -> None:
    bot, channel = shared_workspace.bot(), shared_workspace.channel("general")
    bot.retry_handlers.clear()  # the SDK's own would post a second time
    await shared_workspace.fault("chat.postMessage", "lose")
    with pytest.raises(Exception, match="disconnected|reset|closed"):
        await bot.chat_postMessage(channel=channel, text="said, and the answer lost")
    await shared_workspace.fault("chat.postMessage", "drop")
    with pytest.raises(Exception, match="disconnected|reset|closed"):
        await bot.chat_postMessage(channel=channel, text="never said")
    await shared_workspace.fault("chat.postMessage", "error", error="fatal_error")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await bot.chat_postMessage(channel=channel, text="never said")
    await shared_workspace.fault("chat.postMessage", "429", seconds=7)
    with pytest.raises(SlackApiError) as limited:
        await bot.chat_postMessage(channel=channel, text="never said")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    texts = [message["text"] for message in await shared_workspace.visible_messages("general")]
    assert texts == ["said, and the answer lost"]


async def test_stream_ends_by_itself_after_its_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("brief")
    async with running_workspace(home, "--stream-seconds", "0.3") as workspace:
        asked = await workspace.post("ada", "handbook", "a question")
        ts = await start_stream(workspace, asked, "begun")
        await asyncio.sleep(0.35)
        bot, channel = workspace.bot(), workspace.channel("handbook")
        with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
            await bot.chat_appendStream(channel=channel, ts=ts, markdown_text="too late")
        # Then it can be mended as any message.
        await bot.chat_update(channel=channel, ts=ts, text="begun, and ended")


async def test_server_without_streaming_says_unknown_method(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with running_workspace(tmp_path_factory.mktemp("old"), "--no-streaming") as workspace:
        asked = await workspace.post("ada", "handbook", "a question")
        with pytest.raises(SlackApiError, match="unknown_method"):
            await start_stream(workspace, asked, "x")
