from typing import Any, cast

import pytest

from bot.deliveries import Deliveries
from bot.errors import SlackRefused
from bot.failpoints import Failpoints
from bot.orphans import Place
from bot.pacer import Pacer
from bot.rendering import Page
from bot.slack import Slack
from bot.stream import Outlet
from tests.bot.fakes import FakeSlack

_PLACE = Place(team="T1", channel="C1", thread_ts="100.1", after_ts="100.1", user="U1")
_CONFLICT = SlackRefused("chat.update", "streaming_state_conflict")


class _Owned:
    """Stands for the table of messages: one was shown by an earlier attempt."""

    async def messages(self, owner: str) -> list[str]:
        return ["500.1"]


def _slack(conflicts: int) -> tuple[FakeSlack, list[str]]:
    """A Slack that takes an update only after so many conflicts, and what it shows."""
    left = iter(range(conflicts))
    shown: list[str] = []

    def update(*, text: str, **_: Any) -> dict[str, Any]:
        for _each in left:
            raise _CONFLICT
        shown.append(text)
        return {}

    return FakeSlack(chat__update=update, chat__stopStream={}), shown


async def _write_over(slack: FakeSlack) -> None:
    outlet = Outlet(
        slack=cast("Slack", slack), deliveries=cast("Deliveries", _Owned()), pacer=Pacer(interval_s=0),
        bot_user="UBOT", failpoints=Failpoints(),
    )  # fmt: skip
    reply = outlet.reply(_PLACE, "w1", "w1")
    await reply.recover()
    await reply.replace([Page(text="So.", blocks=[])])


async def test_message_whose_stream_did_not_end_is_ended_and_written_over() -> None:
    slack, shown = _slack(conflicts=1)
    await _write_over(slack)
    assert shown == ["So."]


async def test_stream_that_slack_does_not_end_is_not_asked_to_for_ever() -> None:
    slack, _ = _slack(conflicts=10_000)
    with pytest.raises(SlackRefused, match="streaming_state_conflict"):
        await _write_over(slack)
