"""`tandem forget` killed at each of its steps and run again: it ends as if it never had been killed."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.assembly import Configuration, load_configuration, open_database
from bot.database import durable_url
from bot.failpoints import STEPS_OF_FORGETTING
from router.questions import Turn
from router.withdrawn import WITHDRAWN
from tests.bot.remembered import (
    add_adapter,
    add_delivery,
    add_document,
    add_passages,
    add_work,
    asked,
    exported,
    page,
    promoted,
)
from tests.training.data.samples import DAY, kept, reviewed
from tests.training.fakes import ServerWithAdapters
from training.data.corrections import fact_place
from training.lineage import LINEAGE

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def served() -> AsyncIterator[ServerWithAdapters]:
    async with ServerWithAdapters(loaded=["team@1", "team@2"]).running() as server:
        yield server


@pytest.fixture
def configuration(
    home: Path, monkeypatch: pytest.MonkeyPatch, served: ServerWithAdapters, request: pytest.FixtureRequest
) -> Configuration:
    environment = {
        "TANDEM_MODEL_URL": served.url,
        "TANDEM_TRAINING_ENABLED": "true",
        "TANDEM_TRAINING_HOLDOUT_SHARE": "0",
    }
    if request.param == "postgres":
        environment["TANDEM_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_configuration()


async def _furnish(configuration: Configuration, engine: AsyncEngine) -> None:
    """U1's words stand wherever words can stand, beside those of others."""
    home = configuration.home
    fact = fact_place(home, "x-0")
    fact.parent.mkdir()
    fact.write_text("Only on Sundays.")
    taken_in, other = page(str(fact)), page("other")
    await add_passages(configuration.knowledge, taken_in, other)
    await add_document(engine, id=taken_in.id, place=str(fact), uri=str(fact))
    await add_document(engine, id=other.id, number=8, uri="other")

    await kept(engine, asked("x", thread_id="t"), ("U1", "correction", "Only on Sundays."))
    await reviewed(engine, "x-0", "know_how")
    turns = (Turn(speaker="user", text=asked("x").question),)
    later = asked("y", asker="U2", thread_id="t", thread=turns, asked_at=DAY + timedelta(hours=2))
    await kept(engine, later, ("U3", "vote_up", ""))
    await kept(engine, asked("z", asker="U3"), ("U2", "vote_up", ""))
    await exported(home, engine)

    for folder in (add_adapter(home, "team@1", "z", people=("U3",)), add_adapter(home, "team@2", "x")):
        await promoted(engine, folder)
    night = home / "nights" / "2026-03-02"
    night.mkdir(parents=True)
    shutil.copy(home / "adapters" / "team@2" / LINEAGE, night)
    (night / "rows.jsonl").write_text("x: what")
    for key, person in (("x", "U1"), ("z", "U3")):
        await add_delivery(engine, key, person)
    await add_work(durable_url(configuration.database), ("x", "U1"), ("z", "U3"))


def _killed(*target: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bot.forget_process", *target]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("configuration", ["sqlite", "postgres"], indirect=True)
async def test_killed_at_any_step_and_run_again_it_ends_as_if_it_never_had_been(configuration: Configuration):
    async with open_database(configuration) as engine:
        await _furnish(configuration, engine)

    outcomes = await asyncio.to_thread(_killed, "--user", "U1")

    _, [exit_code, printed, complaint], never = outcomes.pop("")
    assert exit_code == 0, complaint
    places = json.loads(printed)["places"]
    assert {place for place, count in places.items() if not count["found"]} == {"exports to be written anew"}
    assert not any(count["left"] for count in places.values())
    assert never["served"] == ["tiny", "team@1"]
    assert [name for name in never["files"] if name.startswith("adapters/team@2")] == [f"adapters/team@2/{WITHDRAWN}"]
    assert never["indexed"] == [page("other").id]
    assert never["work"] == ["z"]

    assert list(outcomes) == list(STEPS_OF_FORGETTING)
    for step, (killed_by, [code, said, _], state) in outcomes.items():
        assert killed_by == signal.SIGKILL, step
        assert code == 0, step
        assert not any(count["left"] for count in json.loads(said)["places"].values()), step
        assert state == never, step
