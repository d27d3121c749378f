"""What the workspace keeps, and for whom."""

import asyncio
import signal
import sys
from pathlib import Path

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.conftest import FAST
from tests.bot.workspace.driver import ROOT, running_workspace


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


async def test_what_hinders_the_start_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "workspace.sqlite3").write_text("this is no database, and long enough to look like one")
    async with running_workspace(tmp_path / "running") as workspace:
        said = [
            await _start_in_vain(tmp_path / "other", workspace.process.port),
            await _start_in_vain(tmp_path / "running", 0),
            await _start_in_vain(tmp_path / "broken", 0),
        ]
    assert [line.count("\n") for line in said] == [1, 1, 1]
    for line, words in zip(said, ("Address already in use", "Another workspace", "not a database"), strict=True):
        assert words in line


async def _start_in_vain(home: Path, port: int) -> str:
    command = [sys.executable, "-m", "bot.workspace", "--home", str(home), "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, said = await process.communicate()
    assert process.returncode == 1
    return said.decode()
