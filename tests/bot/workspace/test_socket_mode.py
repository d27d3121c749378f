"""Bolt over Socket Mode, unmodified."""

import asyncio

import pytest

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.driver import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_mention_arrives_as_app_mention_and_as_message_with_two_event_ids(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        ts = await shared_workspace.mention("ada", "handbook", "hello")
        mention, message = await app.heard("app_mention"), await app.heard("message")
    assert mention["event"]["ts"] == message["event"]["ts"] == ts
    assert mention["event_id"] != message["event_id"]
    assert message["event"]["channel_type"] == "channel"


async def test_direct_message_arrives_as_message_im_only(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        await shared_workspace.tell("ada", f"<@{shared_workspace.bot_user}> hello")
        message = await app.heard("message")
    assert message["event"]["channel_type"] == "im"
    assert [body["event"]["type"] for body in app.bodies] == ["message"]


async def test_app_hears_nothing_of_a_channel_it_is_not_in(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        await shared_workspace.mention("ada", "random", "are you here?")
        await shared_workspace.mention("ada", "general", "are you here?")
        await app.heard("app_mention")
    assert {body["event"]["channel"] for body in app.bodies} == {shared_workspace.channel("general")}


async def test_app_answers_in_the_thread(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        app.answer("app_mention", "as you say")
        asked = await shared_workspace.mention("ada", "handbook", "say so")
        [answer] = await shared_workspace.answers("handbook", asked)
    assert answer["text"] == "as you say"
    assert answer["thread_ts"] == asked


async def test_each_event_goes_to_one_of_two_connections(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as first, connected_app(shared_workspace) as second:
        for number in range(6):
            await shared_workspace.post("ada", "handbook", f"{number}")
    assert len(first.bodies) == len(second.bodies) == 3
    assert len({body["event_id"] for body in first.bodies + second.bodies}) == 6


async def test_app_reconnects_when_asked_and_loses_nothing(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        assert await shared_workspace.refresh_sockets() == 1
        await shared_workspace.post("ada", "handbook", "are you still there?")
        await app.heard("message")
    assert [body["event"]["text"] for body in app.bodies] == ["are you still there?"]


async def test_same_envelope_may_come_twice(shared_workspace: Workspace) -> None:
    await shared_workspace.fault("events", "duplicate")
    async with connected_app(shared_workspace) as app:
        await shared_workspace.post("ada", "handbook", "twice")
        await asyncio.sleep(0.1)
    assert len(app.bodies) == 2
    assert len({body["event_id"] for body in app.bodies}) == 1


async def test_edit_and_delete_send_changed_and_deleted(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        ts = await shared_workspace.post("ada", "handbook", "frist")
        await shared_workspace.edit("ada", "handbook", ts, "first")
        await shared_workspace.delete("ada", "handbook", ts)
    events = {body["event"].get("subtype"): body["event"] for body in app.bodies}
    assert events["message_changed"]["message"]["text"] == "first"
    assert events["message_changed"]["previous_message"]["text"] == "frist"
    assert events["message_deleted"]["deleted_ts"] == ts


async def test_deleted_parent_with_replies_becomes_a_tombstone(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        ts = await shared_workspace.post("ada", "handbook", "head")
        await shared_workspace.post("jonas", "handbook", "reply", thread=ts)
        await shared_workspace.delete("ada", "handbook", ts)
    changed = next(body["event"] for body in app.bodies if body["event"].get("subtype") == "message_changed")
    assert changed["message"]["subtype"] == "tombstone"
    head, reply = await shared_workspace.visible_messages("handbook", ts)
    assert (head["subtype"], reply["text"]) == ("tombstone", "reply")


async def test_reply_names_its_thread_and_the_thread_counts_it(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        ts = await shared_workspace.post("ada", "handbook", "head")
        await shared_workspace.post("jonas", "handbook", "reply", thread=ts)
    reply = next(body["event"] for body in app.bodies if body["event"]["text"] == "reply")
    assert (reply["thread_ts"], reply["parent_user_id"]) == (ts, shared_workspace.people["ada"])
    head = (await shared_workspace.visible_messages("handbook"))[-1]
    assert (head["reply_count"], head["reply_users"]) == (1, [shared_workspace.people["jonas"]])
