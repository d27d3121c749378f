from typing import Any, cast

import pytest

from bot.errors import ControlError
from bot.slack import Slack
from bot.views import _look_up
from knowledge.audience import EVERYONE, Audience
from tests.bot.fakes import FakeSlack, channel, person


async def _audience(user: str, place: str, **replies: Any) -> Audience:
    slack = FakeSlack(
        **{
            "users__info": person(),
            "users__list": {"members": [{"id": "U1", "name": "ada"}]},
            "conversations__info": channel("private"),
            "conversations__list": {"channels": [{"id": "C1", "name": "people-ops"}]},
            "conversations__open": {"channel": {"id": "D1"}},
            "users__conversations": {"channels": [{"id": "C1"}]},
            "conversations__members": {"members": ["U1"]},
            "auth__test": {"team_id": "T1", "user_id": "UBOT"},
            **replies,
        }
    )
    _, _, audience = await _look_up(cast("Slack", slack), user, place)
    return audience


async def test_member_of_a_private_channel_sees_what_is_kept_for_it() -> None:
    assert (await _audience("ada", "#people-ops")).scopes == {"public", "channel:C1"}


async def test_person_who_is_not_in_a_private_channel_cannot_be_asked_for_there() -> None:
    with pytest.raises(ControlError, match="not in this channel"):
        await _audience("ada", "people-ops", conversations__members={"members": ["U2"]})


async def test_channel_alone_is_seen_as_by_everyone_in_it() -> None:
    assert (await _audience("", "people-ops")).scopes == {"public", "channel:C1"}
    assert await _audience("", "people-ops", conversations__info=channel()) == EVERYONE


async def test_person_alone_is_asked_for_in_their_direct_message() -> None:
    found = await _audience("U1", "", conversations__info=channel("direct"))
    assert found.scopes == {"public", "channel:C1"}


async def test_unknown_name_is_said() -> None:
    with pytest.raises(ControlError, match="no user nobody"):
        await _audience("nobody", "")
