from typing import Any, cast

import pytest

from bot.directory import CACHE_S, Directory
from bot.errors import SlackRefused, SlackUnreachable
from bot.membership import Access, access
from bot.slack import Slack
from knowledge.audience import EVERYONE, NOBODY
from tests.bot.fakes import FakeSlack, channel, person


def _slack(**replies: Any) -> FakeSlack:
    own = {"channels": [{"id": "C7"}, {"id": "C8"}]}
    return FakeSlack(
        **{
            "users__info": person(),
            "conversations__info": channel(),
            "conversations__members": {"members": ["U1", "U2"]},
            "users__conversations": own,
            **replies,
        }
    )


async def _access(slack: FakeSlack, *, place: str = "C1") -> Access:
    return await access(Directory(cast("Slack", slack), team="T1"), channel=place, user="U1")


async def test_public_channel_sees_public_documents_only() -> None:
    assert (await _access(_slack())).audience == EVERYONE


@pytest.mark.parametrize("kind", ["private", "group"])
async def test_private_channel_sees_public_documents_and_its_own(kind: str) -> None:
    found = await _access(_slack(conversations__info=channel(kind)))
    assert found.audience.scopes == {"public", "channel:C1"}


@pytest.mark.parametrize("kind", ["private", "group"])
async def test_person_who_has_left_the_channel_they_asked_in_sees_nothing(kind: str) -> None:
    found = await _access(_slack(conversations__info=channel(kind), conversations__members={"members": ["U2"]}))
    assert found.audience == NOBODY
    assert "not in this channel" in found.refusal


async def test_unknown_members_of_a_private_channel_mean_no() -> None:
    slack = _slack(conversations__info=channel("private"), conversations__members=SlackUnreachable("gone"))
    assert (await _access(slack)).audience == NOBODY


async def test_direct_message_sees_what_the_asker_may_see() -> None:
    found = await _access(_slack(conversations__info=channel("direct")), place="D1")
    assert found.audience.scopes == {"public", "channel:C7", "channel:C8"}


async def test_server_that_cannot_list_a_persons_channels_is_asked_channel_by_channel() -> None:
    slack = _slack(
        conversations__info=channel("direct"),
        users__conversations=SlackRefused("users.conversations", "unknown_method"),
        conversations__list={"channels": [{"id": "C7", "is_member": True}, {"id": "C8", "is_member": True}]},
        conversations__members=lambda channel, **_: {"members": ["U1", "U2"] if channel == "C8" else ["U2"]},
    )
    assert (await _access(slack, place="D1")).audience.scopes == {"public", "channel:C8"}


@pytest.mark.parametrize("mark", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"])
async def test_guests_bots_and_deactivated_people_see_nothing(mark: str) -> None:
    found = await _access(_slack(users__info=person(**{mark: True})))
    assert found.audience == NOBODY
    assert "members of this workspace only" in found.refusal


@pytest.mark.parametrize(
    "marks",
    [
        {"team_id": "T9"},
        {"team_id": ""},
        {"team_id": "T9", "enterprise_user": {"enterprise_id": "E9", "teams": ["T8", "T9"]}},
    ],
)
@pytest.mark.parametrize("kind", ["public", "direct"])
async def test_person_of_another_organisation_sees_nothing(kind: str, marks: dict[str, Any]) -> None:
    slack = _slack(users__info=person(**marks), conversations__info=channel(kind))
    assert (await _access(slack)).audience == NOBODY


@pytest.mark.parametrize("team", ["T1", "T2", ""])
async def test_member_of_several_workspaces_of_an_organisation_is_one_of_the_bots(team: str) -> None:
    enterprise = {"enterprise_id": "E1", "teams": ["T2", "T1"]}
    assert (await _access(_slack(users__info=person(team_id=team, enterprise_user=enterprise)))).audience == EVERYONE


@pytest.mark.parametrize("mark", ["is_ext_shared", "is_pending_ext_shared"])
async def test_channel_shared_with_others_sees_nothing(mark: str) -> None:
    assert (await _access(_slack(conversations__info=channel("public", **{mark: True})))).audience == NOBODY


@pytest.mark.parametrize("error", [SlackRefused("x", "user_not_found"), SlackUnreachable("gone")])
@pytest.mark.parametrize("method", ["users__info", "conversations__info"])
async def test_what_cannot_be_found_out_means_no(method: str, error: Exception) -> None:
    found = await _access(_slack(**{method: error}))
    assert found.audience == NOBODY
    assert found.refusal


async def test_unknown_memberships_of_a_direct_message_mean_no() -> None:
    slack = _slack(conversations__info=channel("direct"), users__conversations=SlackUnreachable("gone"))
    assert (await _access(slack, place="D1")).audience == NOBODY


async def test_channel_that_does_not_say_it_is_open_is_taken_as_closed() -> None:
    found = await _access(_slack(conversations__info={"channel": {"id": "C1", "name": "odd"}}))
    assert found.audience.scopes == {"public", "channel:C1"}


async def test_lost_membership_is_noticed_within_a_minute() -> None:
    now = 0.0
    slack = _slack()
    directory = Directory(cast("Slack", slack), team="T1", clock=lambda: now)
    await access(directory, channel="C1", user="U1")
    slack.replies["users.info"] = person(is_restricted=True)
    now = 59.0
    assert now > CACHE_S
    assert (await access(directory, channel="C1", user="U1")).audience == NOBODY


async def test_membership_that_is_said_to_have_changed_is_asked_for_at_once() -> None:
    slack = _slack()
    directory = Directory(cast("Slack", slack), team="T1")
    await access(directory, channel="C1", user="U1")
    slack.replies["users.info"] = person(is_restricted=True)
    directory.forget()
    assert (await access(directory, channel="C1", user="U1")).audience == NOBODY


async def test_answer_from_before_a_change_is_not_remembered_after_it() -> None:
    slack = FakeSlack()
    directory = Directory(cast("Slack", slack), team="T1")

    def changes_meanwhile(**_: object) -> dict[str, Any]:
        directory.forget()
        return channel()

    slack.replies["conversations.info"] = changes_meanwhile
    assert (await directory.channel("C1")).kind == "public"
    slack.replies["conversations.info"] = channel("private")
    assert (await directory.channel("C1")).kind == "private"
