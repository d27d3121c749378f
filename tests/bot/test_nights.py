import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from bot.durable import Durable
from bot.errors import BotError
from bot.failpoints import STAGES, STEPS_OF_A_NIGHT, Failpoints
from bot.nights import Night, Nights, Outcomes, Stage
from bot.shapes import Json

_DAY = date(2026, 11, 28)


class Told:
    """A stage that says what it is told to, and counts."""

    def __init__(self, name: str, outcome: Json | Exception, *, always: bool = False) -> None:
        self.times = 0
        self._outcome = outcome
        self.stage = Stage(name=name, work=self._work, always=always)

    async def _work(self, _night: Night, _outcomes: Outcomes) -> Json:
        self.times += 1
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@asynccontextmanager
async def _launched(folder: Path, *told: Told) -> AsyncIterator[Nights]:
    nights = Nights(
        database_url=f"sqlite:///{folder / 'durable.db'}",
        stages=[each.stage for each in told],
        failpoints=Failpoints(),
    )
    nights.launch()
    try:
        yield nights
    finally:
        await nights.close()


async def test_a_date_has_one_night_however_often_it_is_asked_for(tmp_path: Path) -> None:
    export = Told("export", {"rows": 3})
    for _ in range(2):
        async with _launched(tmp_path, export) as nights:
            assert await nights.run(_DAY) == {"export": {"rows": 3}}
    assert export.times == 1


async def _handle(_work_id: str, _kind: str, _payload: Json) -> None:
    raise AssertionError("there is no work")


async def test_night_is_run_in_the_database_in_which_the_bot_keeps_its_work(tmp_path: Path) -> None:
    for _ in range(2):
        bot = Durable(database_url=f"sqlite:///{tmp_path / 'durable.db'}", executor_id="bot", handler=_handle)
        bot.launch()
        await bot.close()
        async with _launched(tmp_path, Told("export", {"rows": 3})) as nights:
            assert await nights.run(_DAY) == {"export": {"rows": 3}}


async def test_night_is_run_again_when_that_is_asked_for(tmp_path: Path) -> None:
    export = Told("export", {"rows": 3})
    async with _launched(tmp_path, export) as nights:
        for again in (False, True, True, False):
            await nights.run(_DAY, again=again)
    assert export.times == 3


async def test_of_several_nights_of_a_date_the_last_one_is_told(tmp_path: Path) -> None:
    async with _launched(tmp_path, Told("export", BotError("the disk is full"))) as nights:
        await nights.run(_DAY)
    async with _launched(tmp_path, Told("export", {"rows": 3})) as nights:
        assert await nights.was_run(_DAY)
        assert await nights.run(_DAY, again=True) == {"export": {"rows": 3}}
        assert await nights.run(_DAY) == {"export": {"rows": 3}}


async def test_date_without_a_night_was_not_run(tmp_path: Path) -> None:
    async with _launched(tmp_path, Told("export", {"rows": 3})) as nights:
        assert not await nights.was_run(_DAY)


@pytest.mark.parametrize("outcome", [{"ended": "Training is switched off."}, BotError("no rows"), ValueError("row 7")])
async def test_after_a_stage_that_ends_the_night_only_those_run_that_always_do(
    tmp_path: Path, outcome: Json | Exception
) -> None:
    train, report = Told("train", {}), Told("report", {"page": "x"}, always=True)
    async with _launched(tmp_path, Told("curate", outcome), train, report) as nights:
        outcomes = await nights.run(_DAY)
    assert (train.times, report.times) == (0, 1)
    assert list(outcomes) == ["curate", "report"]


async def test_what_nobody_foresaw_is_not_told_to_people(tmp_path: Path) -> None:
    async with _launched(tmp_path, Told("gate", ValueError("secret of a row")), Told("x", BotError("x"))) as nights:
        outcomes = await nights.run(_DAY)
    assert "secret" not in json.dumps(outcomes)
    assert outcomes["gate"]["failed"].startswith("Something went wrong")


async def test_night_that_is_broken_off_has_no_outcome_and_goes_on_where_it_was(tmp_path: Path) -> None:
    began, broken_off = asyncio.Event(), asyncio.Event()

    async def ask_the_model(_night: Night, _outcomes: Outcomes) -> Json:
        began.set()
        try:
            return await asyncio.Future()
        finally:
            broken_off.set()

    report = Told("report", {"page": "x"}, always=True)
    asking = Told("gate", {})
    asking.stage = Stage(name="gate", work=ask_the_model)
    async with _launched(tmp_path, asking, report) as nights:
        running = asyncio.create_task(nights.run(_DAY))
        await began.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    # What the stage stands on is closed next: one that went on would fail, in a database that is closed already.
    assert broken_off.is_set()
    assert report.times == 0

    async with _launched(tmp_path, Told("gate", {"passed": True}), report) as nights:
        assert (await nights.run(_DAY))["gate"] == {"passed": True}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("failpoint", STEPS_OF_A_NIGHT)
def test_night_killed_at_a_stage_goes_on_there(tmp_path: Path, failpoint: str) -> None:
    died = _night(tmp_path, failpoint)
    assert died.returncode == -signal.SIGKILL

    resumed = _night(tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) == {name: {"by": name} for name in STAGES}
    ran = [json.loads(line) for line in (tmp_path / "ran.jsonl").read_text().splitlines()]
    at = STEPS_OF_A_NIGHT.index(failpoint)
    assert [each["stage"] for each in ran] == [*STAGES[: at + 1], *STAGES[at:]]
    assert all(set(each["knew"]) == set(STAGES[: STAGES.index(each["stage"])]) for each in ran)
    assert {each["night"] for each in ran} == {"nightly:2026-11-28"}


def _night(folder: Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bot.night_process", str(folder), *([failpoint] if failpoint else [])],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
        timeout=120,
    )
