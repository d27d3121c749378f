"""What the workspace keeps, and for whom."""

import signal
from pathlib import Path

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.conftest import FAST
from tests.bot.workspace.driver import running_workspace


async def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    async with running_workspace(tmp_path / "workspace", *FAST) as workspace:
        ts = await workspace.post("ada", "handbook", "remember this")
        await workspace.process.stop(signal.SIGKILL)
        await workspace.process.start()
        [message] = await workspace.visible_messages("handbook")
        later = await workspace.post("ada", "handbook", "and this")
    assert message["ts"] == ts
    assert later > ts


async def test_event_outlives_the_workspaces_own_death(tmp_path: Path) -> None:
    # Without an app the first two attempts fail at once; the third is the next process's.
    options = ("--retry-scale", "0.04")
    async with running_workspace(tmp_path / "workspace", *options) as workspace:
        await workspace.post("ada", "handbook", "is anybody there?")
        await workspace.process.stop(signal.SIGKILL)
        await workspace.process.start()
        async with connected_app(workspace) as app:
            assert (await app.heard("message", timeout_s=30.0))["event"]["text"] == "is anybody there?"


async def test_tokens_are_made_at_random_and_for_the_owner_alone(tmp_path: Path) -> None:
    seen: set[str] = set()
    for name in ("one", "two"):
        async with running_workspace(tmp_path / name) as workspace:
            place = tmp_path / name / "tokens.json"
            assert place.stat().st_mode & 0o777 == 0o600
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
            seen |= {workspace.bot_token, workspace.app_token, workspace.signing_secret}
    assert len(seen) == 6
