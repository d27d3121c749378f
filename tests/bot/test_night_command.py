"""`tandem nightly --once` as it is typed, over a home without feedback: what needs no model works without one."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy.exc import OperationalError

from bot import night_command, processes
from bot.assembly import Configuration
from bot.model_server import MODEL_NAME
from bot.night_command import model_for_a_while
from bot.schedules import last_due
from bot.settings import BotSettings
from knowledge.settings import KnowledgeSettings
from router.prompts import ChatMessage
from router.settings import RouterSettings
from tests.conftest import _free_port
from tests.router.fakes import ScriptedModel


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "TANDEM_HOME": str(tmp_path / "home"),
        "TANDEM_MODEL_URL": f"http://127.0.0.1:{_free_port()}",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


_COMMAND = [sys.executable, "-m", "bot.cli", "nightly", "--once"]
_ROOT = str(Path(__file__).resolve().parents[2])


def _nightly(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": _ROOT, **settings}
    return subprocess.run(
        [*_COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment, timeout=120
    )


def test_night_while_training_is_off_exports_and_says_why_nothing_was_trained(home: Path) -> None:
    told = _nightly("--json")
    assert told.returncode == 0, told.stderr
    outcomes = json.loads(told.stdout)
    assert list(outcomes) == ["export", "curate", "refit", "report"]
    assert "TANDEM_TRAINING_ENABLED" in outcomes["curate"]["ended"]
    assert outcomes["report"]["posted"] == "It was not posted: TANDEM_REPORT_CHANNEL is not set."
    folder = home / "nights" / datetime.now(UTC).date().isoformat()
    assert "Training is switched off" in (folder / "report.html").read_text()
    assert folder.stat().st_mode & 0o077 == 0
    assert outcomes["export"] == {"days": 0, "rows": {}, "withheld": {}}


def test_night_of_a_date_is_told_again_and_run_again_only_when_asked(home: Path) -> None:
    days = ("--date", "2026-11-27")
    first, second = _nightly(*days), _nightly(*days)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout != ""
    assert [path.name for path in (home / "nights").iterdir()] == ["2026-11-27"]
    _nightly(*days, "--again")
    assert sorted(path.name for path in (home / "nights").iterdir()) == ["2026-11-27", "2026-11-27-2"]


def test_night_of_a_date_after_tomorrow_is_refused_and_does_not_count_as_run(home: Path) -> None:
    told = _nightly("--date", "2131-01-05")
    assert told.returncode == 1
    assert told.stdout == ""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert f"name one up to {tomorrow}, which is tomorrow in UTC" in " ".join(told.stderr.split())
    assert not (home / "nights").exists()


def test_night_of_tomorrow_is_run(home: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert _nightly("--date", tomorrow).returncode == 0
    assert [path.name for path in (home / "nights").iterdir()] == [tomorrow]


def test_night_that_failed_is_not_told_again_as_if_it_had_been_tried_again(home: Path) -> None:
    home.mkdir()
    (home / "exports").write_text("no folder")
    first, second = _nightly(), _nightly()
    assert first.returncode == second.returncode == 1
    assert "“export”" in first.stdout
    assert "already" not in first.stderr
    assert second.stdout == first.stdout
    told = " ".join(second.stderr.split())
    today = datetime.now(UTC).date()
    assert f"the night of {today} failed before, and was not tried again now: tandem nightly --once --again" in told

    (home / "exports").unlink()
    assert _nightly("--again").returncode == 0
    assert (told := _nightly()).returncode == 0, told.stderr


def test_second_night_at_the_same_time_is_refused(home: Path) -> None:
    (home / "run").mkdir(parents=True)
    with (home / "run" / "nightly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = _nightly()
    assert told.returncode == 1
    assert "under way" in told.stderr


def test_night_in_which_nothing_was_said_ends_before_it_needs_a_model(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_TRAINING_ENABLED", "true")
    outcomes = json.loads(_nightly("--json").stdout)
    assert outcomes["curate"]["ended"].startswith("There is nothing to learn from yet")


@pytest.mark.slow
@pytest.mark.parametrize("had_nights", [True, False])
def test_service_of_its_own_makes_up_for_the_last_night_and_not_on_its_first_day(home: Path, had_nights: bool) -> None:
    (home / "nights" / "2026-11-01").mkdir(parents=True) if had_nights else home.mkdir()
    command = [sys.executable, "-m", "bot.cli", "nightly"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen(command, text=True, env=environment, stderr=subprocess.PIPE) as service:
        assert service.stderr is not None
        told = "".join(iter(lambda: _line_before_waiting(service.stderr), ""))
        service.kill()

    done = sorted(path.parent.name for path in home.glob("nights/*/report.html"))
    due = last_due(datetime.now(UTC), BotSettings().nightly_hour_utc).date().isoformat()
    assert done == ([due] if had_nights else [])
    assert (f"the night of {due}: " in told) == had_nights


def test_night_ended_while_its_model_server_starts_leaves_no_server(home: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nsleep 300 & wait\n")
    python.chmod(0o755)
    model = home / "model" / MODEL_NAME
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    settings = {
        "TANDEM_MODEL_URL": "",
        "TANDEM_MODEL_VENV": str(python.parents[1]),
        "TANDEM_MODEL_PORT": str(_free_port()),
    }
    record = home / "run" / "model-server.json"

    with subprocess.Popen(
        _COMMAND, env={**os.environ, "PYTHONPATH": _ROOT, **settings}, stderr=subprocess.PIPE, text=True
    ) as night:
        deadline = time.monotonic() + 60
        while (server := processes.recorded(record)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        night.send_signal(signal.SIGTERM)
        _, err = night.communicate(timeout=30)

    assert night.returncode == 143
    assert "Traceback" not in err
    assert not processes._group_runs(server.pid)
    assert not record.exists()


async def test_database_that_fails_ends_one_night_and_its_statement_is_not_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OperationalError("SELECT what_anna_wrote", {}, Exception("away"))

    monkeypatch.setattr(night_command, "run_once", fail)
    configuration = Configuration(
        bot=BotSettings(home=home), router=RouterSettings(), knowledge=KnowledgeSettings(home=home)
    )
    told: list[str] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await night_command.run_each_night(configuration, lambda *_: [], told.append, is_missed=lambda _: True)

    assert "the database failed (OperationalError)" in told[0]
    assert told[1].startswith("the next night begins")
    assert "anna" not in "".join(told)


async def test_model_server_that_is_slow_at_night_is_waited_for(home: Path) -> None:
    async with ScriptedModel(pause_s=0.15).running() as slow:
        configuration = Configuration(
            bot=BotSettings(home=home),
            router=RouterSettings(model_url=slow.url, model_first_token_s=0.1, model_between_tokens_s=0.1),
            knowledge=KnowledgeSettings(home=home),
        )
        async with model_for_a_while(configuration, print) as model:
            asked = [ChatMessage(role="user", content="Are you there?")]
            said = [chunk.text async for chunk in model.stream(asked, model="base", max_tokens=8)]

    assert "".join(said) == "All good."


def _line_before_waiting(said: IO[str] | None) -> str:
    """Empty once it waits for the next night."""
    line = said.readline() if said else ""
    return "" if line.startswith("the next night begins") else line


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["export", "curate", "refit", "report"])
def test_command_killed_at_a_stage_goes_on_there(home: Path, stage: str) -> None:
    days = ("--date", "2026-11-27", "--json")
    assert _nightly(*days, TANDEM_FAILPOINT=f"night_{stage}").returncode == -signal.SIGKILL

    resumed = _nightly(*days)

    assert resumed.returncode == 0, resumed.stderr
    assert list(json.loads(resumed.stdout)) == ["export", "curate", "refit", "report"]
    assert resumed.stdout == _nightly(*days).stdout
    assert [path.name for path in (home / "nights").iterdir()] == ["2026-11-27"]
