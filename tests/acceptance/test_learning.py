"""What twenty presses of a button change, and how that is taken back: in the workspace, by the commands that people type."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.trial import Workspace, bot, eventually, workspace
from tests.router.fakes import ScriptedModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

_PRESSES = 20
_PEOPLE = ("ada", "jonas", "sam")
_ASK = "@bot Write a haiku about the garden"


def _reply(messages: list[dict[str, str]]) -> str:
    said = "[1]" in messages[-1]["content"]
    return "The garden on the roof is watered on Mondays [1]." if said else "Leaves fall on the path."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learning")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(folder: Path) -> AsyncIterator[Workspace]:
    # The commands would bring the tables up to date: so they are there before the bot makes its own.
    await _tandem(folder, "history")
    database = f"sqlite+aiosqlite:///{folder / 'tandem.db'}"
    async with (
        ScriptedModel(reply=_reply).running() as model,
        workspace(folder / "workspace", "--no-rate-limits") as started,
        bot(started, database_url=database, model_url=model.url, questions_per_minute=1_000),
    ):
        yield started


async def _tandem(folder: Path, *arguments: str) -> Any:
    """`tandem route …` in a process of its own, as a person types it beside the running bot."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TANDEM_")}
    environment = kept | {"TANDEM_HOME": str(folder)}
    command = [sys.executable, "-m", "bot.cli", "route", *arguments, "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(told)


def _rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "tandem.db") as database:
        return database.execute(query).fetchall()


async def _decided(place: Workspace, folder: Path, channel: str) -> tuple[str, float, str]:
    """By which route the question is answered now, the odds of memory, and the policy that decided."""
    asked = await place.say(channel, _ASK)
    await place.finished(channel, asked)
    ((route, chances, policy),) = _rows(
        folder, f"SELECT route, probabilities, policy FROM exchanges WHERE exchange_id LIKE '%{asked}'"
    )
    return route, json.loads(chances)["direct"], policy


async def _redo(place: Workspace, channel: str, person: str) -> None:
    asked = await place.say(channel, _ASK, person)
    (answer,) = await place.finished(channel, asked, person=person)
    await place.press(channel, answer, "Redo with sources", person)
    await place.finished(channel, asked, count=2, person=person)


async def test_twenty_overrides_move_what_is_decided_and_a_rollback_moves_it_back(
    place: Workspace, folder: Path
) -> None:
    general = await place.channel("general")
    route, before, policy = await _decided(place, folder, general)
    assert (route, policy) == ("direct", "rules")
    for number in range(_PRESSES):
        await _redo(place, general, _PEOPLE[number % len(_PEOPLE)])

    async def kept() -> bool:
        return _rows(folder, "SELECT count(*) FROM feedback WHERE kind = 'override'") == [(_PRESSES,)]

    await eventually(kept)
    refitted = await _tandem(folder, "refit")
    assert refitted["policy"].startswith("rules-")
    assert refitted["loss_after"] < refitted["loss_before"]
    route, after, policy = await _decided(place, folder, general)
    assert (route in {"retrieve", "multi"}, policy) == (True, refitted["policy"])
    assert after < before - 0.2
    await _tandem(folder, "rollback")
    route, again, policy = await _decided(place, folder, general)
    assert (route, policy) == ("direct", "rules")
    assert again == pytest.approx(before)
    assert [release["policy"] for release in await _tandem(folder, "history")] == ["", refitted["policy"]]
