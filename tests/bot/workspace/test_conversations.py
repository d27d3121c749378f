"""Channels, membership and history."""

import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.workspace.driver import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_private_channel_is_known_to_its_members_only(shared_workspace: Workspace) -> None:
    seen = {
        name: {
            channel["name"]
            for channel in (
                await shared_workspace.person(name).conversations_list(types="public_channel,private_channel")
            ).get("channels", [])
        }
        for name in ("ada", "sam")
    }
    assert seen["ada"] - seen["sam"] == {"people-ops"}


async def test_message_in_private_channel_never_reaches_an_outsiders_page(shared_workspace: Workspace) -> None:
    ada, sam = await shared_workspace.frames("ada"), await shared_workspace.frames("sam")
    await shared_workspace.post("ada", "people-ops", "quietly")
    await shared_workspace.post("ada", "general", "aloud")
    await ada.wait_for("message", lambda frame: frame["message"]["text"] == "aloud")
    await sam.wait_for("message", lambda frame: frame["message"]["text"] == "aloud")
    assert "quietly" in [frame["message"]["text"] for frame in ada.of_type("message")]
    assert "quietly" not in [frame["message"]["text"] for frame in sam.of_type("message")]


async def test_bot_reads_history_only_where_it_is(shared_workspace: Workspace) -> None:
    bot = shared_workspace.bot()
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await bot.conversations_history(channel=shared_workspace.channel("random"))
    await shared_workspace.person("ada").conversations_invite(
        channel=shared_workspace.channel("random"), users=shared_workspace.bot_user
    )
    assert (await bot.conversations_history(channel=shared_workspace.channel("random")))["messages"] == []


async def test_members_come_page_by_page(shared_workspace: Workspace) -> None:
    bot, channel = shared_workspace.bot(), shared_workspace.channel("handbook")
    members: list[str] = []
    cursor = ""
    while True:
        page = await bot.conversations_members(channel=channel, limit=3, cursor=cursor)
        members += page.get("members", [])
        cursor = page.get("response_metadata", {})["next_cursor"]
        if not cursor:
            break
    assert set(members) == {*shared_workspace.people.values(), shared_workspace.bot_user}
    assert len(members) == 4


async def test_history_keeps_to_its_window_newest_first(shared_workspace: Workspace) -> None:
    first, second, third = [await shared_workspace.post("ada", "general", f"{number}") for number in range(3)]
    bot, channel = shared_workspace.bot(), shared_workspace.channel("general")
    outside = await bot.conversations_history(channel=channel, oldest=first)
    inside = await bot.conversations_history(channel=channel, oldest=first, latest=second, inclusive=True)
    assert [message["ts"] for message in outside.get("messages", [])] == [third, second]
    assert [message["ts"] for message in inside.get("messages", [])] == [second, first]


async def test_direct_message_is_opened_once_for_two_people(shared_workspace: Workspace) -> None:
    opened = await shared_workspace.bot().conversations_open(users=shared_workspace.people["sam"], return_im=True)
    assert opened.get("channel", {})["id"] == shared_workspace.channel("@sam")
    first = await shared_workspace.person("ada").conversations_open(users=shared_workspace.people["sam"])
    second = await shared_workspace.person("sam").conversations_open(users=shared_workspace.people["ada"])
    assert first["channel"] == second["channel"]


async def test_guest_is_marked_as_one(shared_workspace: Workspace) -> None:
    await shared_workspace.change_person("sam", is_restricted=True)
    told = await shared_workspace.bot().users_info(user=shared_workspace.people["sam"])
    assert told.get("user", {})["is_restricted"]
    assert not told.get("user", {})["is_bot"]


async def test_lists_name_people_and_the_apps_own_channels(shared_workspace: Workspace) -> None:
    bot = shared_workspace.bot()
    people = {member["name"] for member in (await bot.users_list()).get("members", [])}
    own = {channel["name"] for channel in (await bot.users_conversations(types="private_channel")).get("channels", [])}
    info = await bot.conversations_info(channel=shared_workspace.channel("people-ops"), include_num_members=True)
    assert people == {"ada", "jonas", "sam", "tandem"}
    assert own == {"people-ops"}
    assert (info.get("channel", {})["is_private"], info.get("channel", {})["num_members"]) == (True, 3)
    assert (await bot.bots_info()).get("bot", {})["user_id"] == shared_workspace.bot_user


async def test_another_persons_channels_are_listed_where_the_app_is_in_too(shared_workspace: Workspace) -> None:
    async def private_channels_of(name: str) -> list[str]:
        found = await shared_workspace.bot().users_conversations(
            types="private_channel", user=shared_workspace.people[name]
        )
        return [channel["name"] for channel in found.get("channels", [])]

    assert await private_channels_of("ada") == ["people-ops"]
    assert await private_channels_of("sam") == []


async def test_reaction_shows_on_its_message_and_is_taken_back(shared_workspace: Workspace) -> None:
    ts, place = await shared_workspace.post("ada", "general", "look"), shared_workspace.channel("general")
    jonas = shared_workspace.person("jonas")
    await jonas.reactions_add(channel=place, timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError, match="already_reacted"):
        await jonas.reactions_add(channel=place, timestamp=ts, name="eyes")
    [reaction] = (await shared_workspace.visible_messages("general"))[-1]["reactions"]
    assert reaction == {"name": "eyes", "users": [shared_workspace.people["jonas"]], "count": 1}
    await jonas.reactions_remove(channel=place, timestamp=ts, name="eyes")
    assert "reactions" not in (await shared_workspace.visible_messages("general"))[-1]


async def test_person_leaves_and_is_taken_out(shared_workspace: Workspace) -> None:
    place = shared_workspace.channel("people-ops")
    ada, jonas = shared_workspace.person("ada"), shared_workspace.person("jonas")
    await ada.conversations_kick(channel=place, user=shared_workspace.people["jonas"])
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await jonas.conversations_history(channel=place)
    await ada.conversations_invite(channel=place, users=shared_workspace.people["jonas"])
    await jonas.conversations_leave(channel=place)
    members = (await ada.conversations_members(channel=place)).get("members", [])
    assert shared_workspace.people["jonas"] not in members
    await ada.conversations_invite(channel=place, users=shared_workspace.people["jonas"])


async def test_suggested_prompts_reach_the_page(shared_workspace: Workspace) -> None:
    ada, bot = await shared_workspace.frames("ada"), shared_workspace.bot()
    ts = await shared_workspace.tell("ada", "hello")
    place = shared_workspace.channel("@ada")
    prompts = [{"title": "Days off", "message": "How many days off do I have?"}]
    await bot.assistant_threads_setTitle(channel_id=place, thread_ts=ts, title="Hello")
    await bot.assistant_threads_setSuggestedPrompts(channel_id=place, thread_ts=ts, title="Try", prompts=prompts)
    assert (await ada.wait_for("suggested_prompts"))["prompts"] == prompts


async def test_administrator_is_marked_as_one(shared_workspace: Workspace) -> None:
    bot, people = shared_workspace.bot(), shared_workspace.people
    told = {name: (await bot.users_info(user=people[name])).get("user", {})["is_admin"] for name in ("ada", "jonas")}
    assert told == {"ada": True, "jonas": False}
