"""An event is sent until it is acknowledged, on Slack's schedule."""

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.driver import Workspace


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


async def test_event_of_a_stopped_app_reaches_the_next_one(workspace: Workspace) -> None:
    await workspace.post("ada", "handbook", "is anybody there?")
    async with connected_app(workspace) as app:
        body = await app.heard("message")
    assert body["event"]["text"] == "is anybody there?"
