"""Several corrections reviewed by one command."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import Pool
from typer.testing import CliRunner, Result

from bot import cli, control, training_commands
from tests.bot.test_cli import TakingIn
from tests.training.data.samples import Said, exchange, kept


@pytest.fixture
async def engine(home: Path) -> AsyncIterator[AsyncEngine]:
    """Three corrections wait."""
    await _tandem("corrections", "list")
    engine = create_async_engine(f"sqlite+aiosqlite:///{home / 'tandem.db'}")
    said: list[Said] = [(person, "correction", "Eighteen.") for person in ("U1", "U2", "U3")]
    await kept(engine, exchange("x1"), *said)
    yield engine
    await engine.dispose()


async def _tandem(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)


def _told(result: Result, field: str) -> list[str]:
    return [json.loads(line)[field] for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("engine")
async def test_corrections_before_one_that_is_not_there_are_approved_and_told():
    result = await _tandem("corrections", "approve", "x1-0", "x1-1", "x9", "x1-2", "--as", "know-how", "--json")
    assert result.exit_code == 1
    assert "x9" in result.stderr
    assert _told(result, "id") == ["x1-0", "x1-1"]
    waiting = json.loads((await _tandem("corrections", "list", "--json")).stdout)
    assert [each["id"] for each in waiting] == ["x1-2"]


@pytest.mark.usefixtures("engine")
async def test_several_corrections_are_approved_at_one_opening_of_the_database():
    of_one = await _openings("corrections", "approve", "x1-0", "--as", "know-how")
    assert of_one > 0
    assert await _openings("corrections", "approve", "x1-1", "x1-2", "--as", "know-how") == of_one


@pytest.mark.usefixtures("engine")
async def test_several_facts_are_each_taken_into_the_documents(home: Path):
    async with control.serving(home, bot := TakingIn()):
        result = await _tandem("corrections", "approve", "x1-0", "x1-1", "--as", "fact", "--json")
    assert _told(result, "verdict") == ["fact", "fact"]
    assert bot.taken == [("# How long is parental leave?\n\nEighteen.\n", "public")] * 2


@pytest.mark.usefixtures("engine")
async def test_several_facts_are_taken_in_at_one_opening_of_the_index():
    of_one = await _openings("corrections", "approve", "x1-0", "--as", "fact")
    assert await _openings("corrections", "approve", "x1-1", "x1-2", "--as", "fact") == of_one


async def _openings(*arguments: str) -> int:
    """How many engines connect to a database while the command runs."""
    opened: list[object] = []

    def connected(connection: object, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "first_connect", connected)
    try:
        result = await _tandem(*arguments)
    finally:
        event.remove(Pool, "first_connect", connected)
    assert result.exit_code == 0, result.output
    return len(opened)


def test_reviewer_without_a_name_in_the_container_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch):
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(training_commands, "getuser", nameless)
    assert training_commands._reviewer() == str(os.getuid())
