"""Documents read beside each other and alone, with a library that only says when it is asked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
from bot.directory import Directory
from bot.document_reading import DocumentReader, HandedOver
from bot.quarantine import Quarantine, Tried
from bot.slack import Slack
from knowledge.audience import EVERYONE
from knowledge.documents import IngestResult, Origin
from knowledge.library import Library
from tests.bot.fakes import ShowingSlack


class _Library:
    """`beside` is how many were being read when a document's reading began, itself among them."""

    def __init__(self) -> None:
        self.beside: dict[str, int] = {}
        self.may_end = asyncio.Event()
        self._reading = 0

    async def ingest(self, place: str, scope: str, origin: Origin) -> AsyncIterator[IngestResult]:
        self._reading += 1
        self.beside[place] = self._reading
        try:
            await self.may_end.wait()
        finally:
            self._reading -= 1
        yield IngestResult(uri=place, title=place, status="added")


class _Desk:
    def __init__(self, library: _Library, quarantine: Quarantine) -> None:
        self.library, self.quarantine = library, quarantine
        slack = cast("Slack", ShowingSlack())
        not_asked = cast("Any", None)
        self.reader = DocumentReader(
            library=cast("Library", library), in_slack=not_asked, directory=Directory(slack, team="T1"),
            quarantine=quarantine, again_s=0,
        )  # fmt: skip

    def read(self, name: str) -> asyncio.Task[Any]:
        document = HandedOver(ingest_id="w1", channel="C1", user="U1", kind="page", name=name)
        return asyncio.create_task(self.reader.read(f"w1:{name}", asdict(document)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[_Desk]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
    yield _Desk(_Library(), Quarantine(engine))
    await engine.dispose()


async def _until_begun(desk: _Desk, count: int) -> None:
    async with asyncio.timeout(10):
        while len(desk.library.beside) < count:
            await asyncio.sleep(0.01)


async def test_documents_in_whose_reading_a_process_ended_are_read_one_at_a_time_with_none_beside(desk: _Desk) -> None:
    for name in "ab":
        await desk.quarantine.begin(f"w1:{name}", Tried(place=name, scope="public", title=name, channel="C1"))
    first = [desk.read(name) for name in "cd"]
    await _until_begun(desk, 2)
    later = [desk.read(name) for name in "abe"]
    await asyncio.sleep(0.3)
    assert desk.library.beside == {"c": 1, "d": 2}
    desk.library.may_end.set()
    await asyncio.gather(*first, *later)
    assert (desk.library.beside["a"], desk.library.beside["b"]) == (1, 1)


async def test_try_that_the_end_of_the_process_breaks_off_in_good_order_does_not_count(desk: _Desk) -> None:
    for time in range(1, 6):
        task = desk.read("a")
        await _until_begun(desk, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not await desk.quarantine.is_suspect("w1:a"), time
        desk.library.beside.clear()
    assert await desk.quarantine.set_aside(EVERYONE) == []
