"""A channel page by page, and its end: archived, or deleted."""

import json

import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.workspace.driver import Workspace


async def test_history_comes_page_by_page_by_cursor_or_by_time(workspace: Workspace) -> None:
    posted = [await workspace.post("ada", "handbook", f"{number}") for number in range(5)]
    bot, channel = workspace.bot(), workspace.channel("handbook")
    first = await bot.conversations_history(channel=channel, limit=2)
    cursor = first.get("response_metadata", {})["next_cursor"]
    second = await bot.conversations_history(channel=channel, limit=2, cursor=cursor)
    by_time = await bot.conversations_history(channel=channel, limit=3, latest=posted[3])
    assert [message["ts"] for message in first.get("messages", [])] == [posted[4], posted[3]]
    assert [message["ts"] for message in second.get("messages", [])] == [posted[2], posted[1]]
    assert [message["ts"] for message in by_time.get("messages", [])] == [posted[2], posted[1], posted[0]]
    assert (first["has_more"], by_time["has_more"]) == (True, False)


async def test_archived_channel_takes_no_message_and_its_history_is_read(workspace: Workspace) -> None:
    ts = await workspace.post("ada", "handbook", "hello")
    channel = workspace.channel("handbook")
    await workspace.person("ada").conversations_archive(channel=channel)
    with pytest.raises(SlackApiError, match="is_archived"):
        await workspace.post("ada", "handbook", "more")
    with pytest.raises(SlackApiError, match="already_archived"):
        await workspace.person("ada").conversations_archive(channel=channel)
    assert [message["ts"] for message in await workspace.visible_messages("handbook")] == [ts]
    listed = await workspace.bot().conversations_list(exclude_archived=True)
    assert channel not in {each["id"] for each in listed.get("channels", [])}


async def test_end_of_a_channel_is_told_to_the_app_that_is_in_it(workspace: Workspace) -> None:
    await workspace.person("ada").conversations_archive(channel=workspace.channel("handbook"))
    await workspace.person("ada").conversations_archive(channel=workspace.channel("random"))
    await workspace.delete_channel("people-ops")
    told = [
        (each["event_type"], json.loads(each["payload"])["event"]["channel"]) for each in await workspace.deliveries()
    ]
    assert told == [
        ("channel_archive", workspace.channel("handbook")),
        ("group_deleted", workspace.channel("people-ops")),
    ]
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await workspace.person("ada").conversations_info(channel=workspace.channel("people-ops"))
