from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from bot.arrivals import RELEASE_ACTION, read_action
from bot.deliveries import Deliveries
from bot.directory import Directory
from bot.errors import BotError, SlackRefused
from bot.failpoints import Failpoints
from bot.pacer import Pacer
from bot.releasing import ReleaseDesk
from bot.slack import Slack
from bot.stream import Outlet
from bot.tables import metadata
from tests.bot.fakes import ShowingSlack, person

_ADAPTER = "team@0123456789ab"
_CLICK = {
    "team": "T1", "channel": "C1", "user": "U1", "message_ts": "400.1", "thread_ts": "400.1", "value": _ADAPTER,
}  # fmt: skip


class Desk:
    def __init__(self, deliveries: Deliveries) -> None:
        self.slack = ShowingSlack()
        self.slack.replies["users.info"] = person(is_admin=True)
        self.put: list[str] = []
        self.error: BotError | None = None
        slack = cast("Slack", self.slack)
        outlet = Outlet(
            slack=slack,
            deliveries=deliveries,
            pacer=Pacer(interval_s=0),
            bot_user="UBOT",
            failpoints=Failpoints(),
        )
        self.desk = ReleaseDesk(
            directory=Directory(slack, team="T1"), outlet=outlet, put_into_service=self._put_into_service
        )

    async def _put_into_service(self, adapter: str) -> None:
        if self.error:
            raise self.error
        self.put.append(adapter)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield Desk(Deliveries(engine))
    await engine.dispose()


def _body(user: str = "U1") -> dict[str, Any]:
    return {
        "type": "block_actions", "team": {"id": "T1"}, "channel": {"id": "C1"}, "user": {"id": user},
        "container": {"message_ts": "400.1"}, "message": {},
        "actions": [{"action_id": RELEASE_ACTION, "value": _ADAPTER, "action_ts": "401.5"}],
    }  # fmt: skip


def test_click_is_durable_work_of_its_own_each_time() -> None:
    arrival = read_action(_body())
    assert arrival is not None
    assert (arrival.kind, arrival.payload["value"]) == ("release", _ADAPTER)
    assert arrival.id == "slack:T1:C1:release:400.1:U1:401.5"


async def test_administrator_puts_an_adapter_into_service_and_the_thread_says_who(desk: Desk) -> None:
    for _ in range(2):  # the process died before the work was known to be done
        await desk.desk.take("w1", _CLICK)
    assert desk.put == [_ADAPTER, _ADAPTER]
    assert desk.slack.texts() == [
        f":white_check_mark: <@U1> put `{_ADAPTER}` into service. Answers come from it from now on."
    ]


@pytest.mark.parametrize(
    "told",
    [person(), person(is_admin=True, is_restricted=True), person(is_admin=True, deleted=True), "unknown"],
)
async def test_nobody_but_an_administrator_changes_the_adapter(desk: Desk, told: Any) -> None:
    desk.slack.replies["users.info"] = SlackRefused("users.info", "user_not_found") if told == "unknown" else told
    await desk.desk.take("w1", _CLICK)
    assert desk.put == []
    assert "Only administrators" in desk.slack.texts()[0]


@pytest.mark.parametrize("value", ["", "../../etc@0123456789ab", "team@0123456789ab/..", "team", "Team@0123456789AB"])
async def test_value_that_is_no_adapters_name_goes_nowhere(desk: Desk, value: str) -> None:
    await desk.desk.take("w1", {**_CLICK, "value": value})
    assert desk.put == []


async def test_adapter_that_cannot_be_put_into_service_says_why(desk: Desk) -> None:
    desk.error = BotError("The adapter's rank is 64 <b>")
    await desk.desk.take("w1", _CLICK)
    assert desk.slack.texts() == [":warning: The adapter's rank is 64 &lt;b&gt;"]
