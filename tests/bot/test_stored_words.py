"""What people wrote, as durable work keeps it until it is forgotten."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.arrivals import Arrival
from bot.durable import Durable
from bot.stored_words import StoredWords, Words

_ASKED = "slack:T:C:1.1"
_WORK = (
    (_ASKED, "question", {"key": _ASKED, "user": "U1", "text": "a secret question"}),
    (f"{_ASKED}:edit:2", "edit", {"key": _ASKED, "user": "U1", "text": "a secret question, mended"}),
    ("slack:T:C:correction:V1", "correction", {"exchange_id": _ASKED, "user": "U2", "correction": "a secret answer"}),
    ("slack:T:C:1.15", "question", {"key": "slack:T:C:1.15", "user": "U2", "text": "a question of others"}),
)


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """Where a bot has done all of that work."""
    url = f"sqlite:///{tmp_path / 'durable.db'}"

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        return None

    durable = Durable(database_url=url, executor_id="bot-1", handler=handle)
    durable.launch()
    for work in _WORK:
        await durable.store(Arrival(id=work[0], kind=work[1], payload=work[2]))  # pyright: ignore[reportArgumentType]
        await durable.result(work[0])
    await durable.close()
    return url


def _stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("durable.db*"))


async def test_what_was_asked_and_said_about_it_is_overwritten(url: str, tmp_path: Path):
    stored, words = StoredWords(url, is_bot_running=False), Words(ids=frozenset({_ASKED}))
    assert await stored.count(words) == 3
    await stored.delete(words)
    assert await stored.count(words) == 0
    assert b"secret" not in _stored(tmp_path)
    assert b"of others" in _stored(tmp_path)


async def test_person_s_words_are_found_by_whose_they_are(url: str, tmp_path: Path):
    stored, words = StoredWords(url, is_bot_running=False), Words(ids=frozenset(), person="U2")
    assert await stored.count(words) == 2
    await stored.delete(words)
    assert b"of others" not in _stored(tmp_path)
    assert b"a secret question" in _stored(tmp_path)


@pytest.mark.parametrize("is_bot_running", [True, False])
async def test_work_under_way_is_left_to_the_bot_that_does_it(tmp_path: Path, is_bot_running: bool):
    url = f"sqlite:///{tmp_path / 'durable.db'}"

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    durable = Durable(database_url=url, executor_id="bot-1", handler=handle)
    durable.launch()
    work = _WORK[0]
    await durable.store(Arrival(id=work[0], kind="question", payload=work[2]))
    stored, words = StoredWords(url, is_bot_running=is_bot_running), Words(ids=frozenset({_ASKED}))
    await stored.delete(words)
    assert await stored.count(words) == int(is_bot_running)
    with suppress(TimeoutError):
        await asyncio.wait_for(durable.close(), 5)


async def test_where_no_bot_ever_ran_there_is_nothing(tmp_path: Path):
    stored = StoredWords(f"sqlite:///{tmp_path / 'durable.db'}", is_bot_running=False)
    await stored.delete(Words(ids=frozenset({_ASKED})))
    assert await stored.count(Words(ids=frozenset({_ASKED}))) == 0
    assert not (tmp_path / "durable.db").exists()
