from typing import Any, cast

from bot.orphans import Place, metadata, orphans
from bot.slack import Slack
from tests.bot.fakes import FakeSlack

_PLACE = Place(team="T1", channel="C1", thread_ts="100.1", after_ts="200.1", user="U1")


async def test_post_far_down_a_long_thread_is_found() -> None:
    def replies(*, cursor: str, **_: Any) -> dict[str, Any]:
        first = {"ts": "100.1", "user": "U1"}
        ours = {"ts": "300.1", "user": "UBOT", "metadata": metadata("w1")}
        following = {"": "2", "2": "3", "3": ""}[cursor]
        return {"messages": [first] if following else [first, ours], "response_metadata": {"next_cursor": following}}

    slack = cast("Slack", FakeSlack(conversations__replies=replies))
    assert await orphans(slack, _PLACE, bot_user="UBOT", work_id="w1") == ["300.1"]
