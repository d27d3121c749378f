from pathlib import Path
from typing import Any

import pytest

from bot.arrivals import RELEASE_ACTION
from bot.night_post import NightPost, night_blocks, post_night
from bot.settings import BotSettings
from tests.bot.workspace.driver import running_workspace

_POST = NightPost(
    title="The night of 2026-11-28",
    headline="The champion stays <!channel>: 2 of 8 checks failed.",
    lines=("✗ general: lost 3 points <https://evil.example|click>", "✓ leaks: none"),
    page="nights/2026-11-28/report.html",
    adapter="team@0123456789ab",
    says="Promote it all the same",
)


def _text(blocks: list[dict[str, Any]]) -> str:
    return str(blocks)


def test_nothing_in_a_post_is_a_mention_or_a_link() -> None:
    told = _text(night_blocks(_POST))
    assert "&lt;!channel&gt;" in told
    assert "<!channel>" not in told
    assert "<https" not in told


def test_button_asks_once_more_and_carries_the_adapter() -> None:
    (press,) = night_blocks(_POST)[-1]["elements"]
    assert (press["action_id"], press["value"]) == (RELEASE_ACTION, "team@0123456789ab")
    assert "team@0123456789ab" in press["confirm"]["text"]["text"]
    assert night_blocks(NightPost(title="t", headline="h"))[-1]["type"] == "section"


async def test_night_is_posted_once_to_the_channel_that_is_set(tmp_path: Path) -> None:
    async with running_workspace(tmp_path / "workspace") as workspace:
        settings = BotSettings.model_validate(
            {
                "home": tmp_path,
                "report_channel": "#people-ops",
                "slack_bot_token": workspace.bot_token,
                "slack_app_token": workspace.app_token,
                "slack_api_url": workspace.api_url,
            }
        )
        for _ in range(2):
            assert await post_night(settings, _POST, work_id="nightly:2026-11-28") == "It was posted."
        other = settings.model_copy(update={"report_channel": "nowhere"})
        assert "no channel nowhere" in await post_night(other, _POST, work_id="nightly:2026-11-29")
        messages = await workspace.visible_messages(workspace.channel("people-ops"))
    posted = [message for message in messages if "The night of" in message["text"]]
    assert len(posted) == 1


@pytest.mark.parametrize(("channel", "says"), [("", "TANDEM_REPORT_CHANNEL is not set"), ("ops", "no workspace yet")])
async def test_night_without_a_channel_or_a_workspace_is_not_posted(tmp_path: Path, channel: str, says: str) -> None:
    settings = BotSettings(home=tmp_path, report_channel=channel)
    assert says in await post_night(settings, _POST, work_id="n")
