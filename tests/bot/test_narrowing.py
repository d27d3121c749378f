from typing import Any, cast

import pytest

from bot.directory import Directory
from bot.errors import SlackUnreachable
from bot.narrowing import channel_names
from bot.slack import Slack
from knowledge.audience import EVERYONE, parse_audience
from tests.bot.fakes import FakeSlack, channel

PEOPLE = {"C1": channel(name="General"), "C8": channel("private", name="pay"), "C9": channel("private", name="board")}


def _directory(**replies: Any) -> Directory:
    known = {
        "conversations__info": lambda channel, **_: PEOPLE[channel],
        "conversations__list": {"channels": [{"id": "C1", "name": "General"}, {"id": "C2", "name": "ops"}]},
    }
    return Directory(cast("Slack", FakeSlack(**{**known, **replies})), team="T1")


async def test_nothing_is_asked_of_slack_without_a_filter() -> None:
    directory = _directory(conversations__list=SlackUnreachable("conversations.list"))
    assert await channel_names("What is new in <#C1|general>?", EVERYONE, directory) == {}


async def test_a_public_channel_is_known_by_its_reference() -> None:
    assert await channel_names("in:<#C1|general> news", EVERYONE, _directory()) == {"general": "C1"}


async def test_a_public_channel_is_known_by_its_name() -> None:
    assert (await channel_names("news In:#ops", EVERYONE, _directory()))["ops"] == "C2"


@pytest.mark.parametrize("text", ["in:<#C9|board> news", "in:#board news"])
async def test_a_private_channel_that_may_not_be_read_is_not_known(text: str) -> None:
    found = await channel_names(text, parse_audience("channel:C8"), _directory())
    assert "board" not in found
    assert found["pay"] == "C8"


async def test_what_slack_does_not_tell_is_not_known() -> None:
    away = SlackUnreachable("conversations.info")
    found = await channel_names("in:<#C1|general> in:#ops", EVERYONE, _directory(conversations__info=away))
    assert found == {"general": "C1", "ops": "C2"}
