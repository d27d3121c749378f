"""A bot killed with `kill -9` at any step answers exactly once after its restart."""

import signal
from pathlib import Path
from typing import Any

import pytest

from bot.failpoints import STEPS_OF_AN_ANSWER
from tests.acceptance.trial import bot, shown, workspace
from tests.router.fakes import ScriptedModel

pytestmark = pytest.mark.timeout(240)

_REPLY = "You have 31 days of paid leave a year [1]. Unused days expire at the end of March [1]. All is 31 days [1]."


async def test_one_visible_answer_after_a_kill_at_any_step(database_url: str, tmp_path: Path) -> None:
    async with (
        ScriptedModel(reply=_REPLY).running() as model,
        workspace(tmp_path / "workspace") as place,
    ):
        channel = await place.channel("general")
        parts: dict[str, Any] = {"database_url": database_url, "model_url": model.url}
        asked: dict[str, str] = {}
        for failpoint in STEPS_OF_AN_ANSWER:
            # Slow enough, also on a busy machine, for a second append between the first text and the end.
            model.pause_s = 0.3 if failpoint == "mid_stream" else 0.01
            async with bot(place, failpoint=failpoint, **parts) as doomed:
                asked[failpoint] = await place.say(channel, "@bot How many days of paid leave do I have?")
                assert await doomed.killed() == -signal.SIGKILL, failpoint
            model.pause_s = 0.01
            async with bot(place, **parts) as restarted:
                await place.finished(channel, asked[failpoint])
                restarted.process.kill()
        # By now the deliveries that were not acknowledged have come again: a second answer would stand beside the first.
        for failpoint, question in asked.items():
            answers = await place.answers(channel, question)
            assert len(answers) == 1, failpoint
            assert shown(answers[0]).count("You have 31 days") == 1, failpoint
            assert answers[0].get("streaming_state") != "in_progress", failpoint
