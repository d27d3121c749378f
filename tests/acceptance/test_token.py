"""A bot whose token is revoked while it runs, against a workspace that answers as Slack does then."""

from pathlib import Path

import pytest

from tests.acceptance.trial import Workspace, bot, eventually, shown, workspace
from tests.router.fakes import ScriptedModel

pytestmark = pytest.mark.timeout(120)

_ASK = "@bot How many days of paid leave do I have?"
_ANSWER = "You have 31 days of paid leave a year [1]."


async def test_questions_asked_while_the_token_is_revoked_are_answered_once_it_works_again(tmp_path: Path) -> None:
    async with (
        ScriptedModel(reply=lambda _messages: _ANSWER).running() as model,
        workspace(tmp_path / "workspace", "--no-rate-limits") as place,
        bot(
            place,
            database_url=f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}",
            model_url=model.url,
            look_every_s=0.2,
        ),
    ):
        general = await place.channel("general")
        await place.page("people", user=place.bot["id"], deleted=True)
        accepted = await place.say(general, _ASK)
        await eventually(lambda: _is_refused(place))
        left_to_slack = await place.say(general, _ASK, "jonas")
        await eventually(lambda: _comes_again(place, left_to_slack))
        await place.page("people", user=place.bot["id"], deleted=False)
        for asked in (accepted, left_to_slack):
            (answer,) = await place.finished(general, asked)
            assert "31 days" in shown(answer)


async def _is_refused(place: Workspace) -> bool:
    async with place.session.get(f"{place.address}/page/calls") as response:
        calls = (await response.json())["calls"]
    return any(call["method"] == "chat.postMessage" and call["error"] == "account_inactive" for call in calls)


async def _comes_again(place: Workspace, ts: str) -> bool:
    return any(ts in each["payload"] and each["attempt"] > 0 for each in await place.deliveries())
