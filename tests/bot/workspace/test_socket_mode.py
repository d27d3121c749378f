"""Bolt over Socket Mode, unmodified."""

import asyncio

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.driver import Workspace


async def test_mention_arrives_as_app_mention_and_as_message_with_two_event_ids(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        ts = await workspace.mention("ada", "handbook", "hello")
        mention, message = await app.heard("app_mention"), await app.heard("message")
    assert mention["event"]["ts"] == message["event"]["ts"] == ts
    assert mention["event_id"] != message["event_id"]
    assert message["event"]["channel_type"] == "channel"


async def test_direct_message_arrives_as_message_im_only(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        await workspace.tell("ada", f"<@{workspace.bot_user}> hello")
        message = await app.heard("message")
        await workspace.settled_deliveries()
    assert message["event"]["channel_type"] == "im"
    assert [body["event"]["type"] for body in app.bodies] == ["message"]


async def test_app_hears_nothing_of_a_channel_it_is_not_in(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        await workspace.mention("ada", "random", "are you here?")
        await workspace.mention("ada", "general", "are you here?")
        await app.heard("app_mention")
        await workspace.settled_deliveries()
    assert {body["event"]["channel"] for body in app.bodies} == {workspace.channel("general")}


async def test_app_answers_in_the_thread(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        app.answer("app_mention", "as you say")
        asked = await workspace.mention("ada", "handbook", "say so")
        [answer] = await workspace.answers("handbook", asked)
    assert answer["text"] == "as you say"
    assert answer["thread_ts"] == asked


async def test_unacknowledged_event_comes_again_with_its_attempt(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        app.refuse = 2
        await workspace.post("ada", "handbook", "again, please")
        await workspace.settled_deliveries()
    [delivery] = await workspace.deliveries()
    assert [body["event_id"] for body in app.bodies] == [delivery["event_id"]] * 3
    assert (delivery["state"], delivery["attempt"], delivery["reason"]) == ("acknowledged", 2, "timeout")


async def test_event_is_given_up_after_three_retries(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        app.refuse = 10
        await workspace.post("ada", "handbook", "never mind")
        [delivery] = await workspace.settled_deliveries()
    assert delivery["state"] == "given_up"
    assert len(app.bodies) == 4


async def test_each_event_goes_to_one_of_two_connections(workspace: Workspace) -> None:
    async with connected_app(workspace) as first, connected_app(workspace) as second:
        for number in range(6):
            await workspace.post("ada", "handbook", f"{number}")
        await workspace.settled_deliveries()
    assert len(first.bodies) == len(second.bodies) == 3
    assert len({body["event_id"] for body in first.bodies + second.bodies}) == 6


async def test_app_reconnects_when_asked_and_loses_nothing(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        assert await workspace.refresh_sockets() == 1
        await workspace.post("ada", "handbook", "are you still there?")
        await app.heard("message")
        deliveries = await workspace.settled_deliveries()
    assert [delivery["state"] for delivery in deliveries] == ["acknowledged"]


async def test_event_of_a_stopped_app_reaches_the_next_one(workspace: Workspace) -> None:
    await workspace.post("ada", "handbook", "is anybody there?")
    async with connected_app(workspace) as app:
        body = await app.heard("message")
    assert body["event"]["text"] == "is anybody there?"


async def test_same_envelope_may_come_twice(workspace: Workspace) -> None:
    await workspace.fault("events", "duplicate")
    async with connected_app(workspace) as app:
        await workspace.post("ada", "handbook", "twice")
        await workspace.settled_deliveries()
        await asyncio.sleep(0.1)
    assert len(app.bodies) == 2
    assert len({body["event_id"] for body in app.bodies}) == 1


async def test_edit_and_delete_send_changed_and_deleted(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        ts = await workspace.post("ada", "handbook", "frist")
        await workspace.edit("ada", "handbook", ts, "first")
        await workspace.delete("ada", "handbook", ts)
        await workspace.settled_deliveries()
    events = {body["event"].get("subtype"): body["event"] for body in app.bodies}
    assert events["message_changed"]["message"]["text"] == "first"
    assert events["message_changed"]["previous_message"]["text"] == "frist"
    assert events["message_deleted"]["deleted_ts"] == ts


async def test_deleted_parent_with_replies_becomes_a_tombstone(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        ts = await workspace.post("ada", "handbook", "head")
        await workspace.post("jonas", "handbook", "reply", thread=ts)
        await workspace.delete("ada", "handbook", ts)
        await workspace.settled_deliveries()
    changed = next(body["event"] for body in app.bodies if body["event"].get("subtype") == "message_changed")
    assert changed["message"]["subtype"] == "tombstone"
    head, reply = await workspace.visible_messages("handbook", ts)
    assert (head["subtype"], reply["text"]) == ("tombstone", "reply")


async def test_reply_names_its_thread_and_the_thread_counts_it(workspace: Workspace) -> None:
    async with connected_app(workspace) as app:
        ts = await workspace.post("ada", "handbook", "head")
        await workspace.post("jonas", "handbook", "reply", thread=ts)
        await workspace.settled_deliveries()
    reply = next(body["event"] for body in app.bodies if body["event"]["text"] == "reply")
    assert (reply["thread_ts"], reply["parent_user_id"]) == (ts, workspace.people["ada"])
    [head] = await workspace.visible_messages("handbook")
    assert (head["reply_count"], head["reply_users"]) == (1, [workspace.people["jonas"]])
