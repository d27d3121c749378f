"""Documents taken in by several processes at once, over PostgreSQL and what stands in for a Qdrant server."""

import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import knowledge.tables
from bot.errors import SettingsError, WorkerError
from bot.ingest_worker import Done
from bot.ingest_workers import IngestWorkers
from bot.reach import operations_of_several
from knowledge.audience import EVERYONE
from knowledge.documents import IngestResult
from tests.bot import ingest_process
from tests.bot.fakes import configuration_of
from tests.knowledge.qdrant_stand_in import QdrantStandIn, qdrant_standing_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class _Load:
    folder: Path
    library: ingest_process.Deadly
    qdrant: QdrantStandIn

    async def ingest(self, number: int) -> list[IngestResult]:
        async with IngestWorkers(number, main=ingest_process.main) as workers:
            found = self.library.ingest(str(self.folder), "public", workers=workers)
            return [result async for result in found]

    def begun(self) -> Counter[str]:
        return Counter(line.split()[1] for line in self._lines())

    def processes(self) -> set[str]:
        return {line.split()[0] for line in self._lines()}

    def _lines(self) -> list[str]:
        return (self.library.folder / "begun.txt").read_text().splitlines()


@pytest.fixture
async def load(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Load]:
    """A folder of twelve pages, and nothing taken in yet."""
    engine = create_async_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(knowledge.tables.metadata.create_all)
    await engine.dispose()
    folder, home = tmp_path / "pages", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    for number in range(12):
        (folder / f"page-{number}.txt").write_text(f"Tea number {number} is at four.")
    async with qdrant_standing_in() as (qdrant, url):
        named = {"TEST_DATABASE": postgres_url, "TEST_QDRANT": url, "TEST_HOME": str(home)}
        for name, value in named.items():
            monkeypatch.setenv(name, value)
        library = ingest_process.library_of(database=postgres_url, qdrant=url, home=home)
        yield _Load(folder=folder, library=library, qdrant=qdrant)
        await library.close()


async def test_two_processes_take_in_a_folder_each_document_once_and_what_is_unchanged_is_handed_to_none(
    load: _Load,
) -> None:
    results = await load.ingest(2)
    assert [result.status for result in results] == ["added"] * 12
    assert [result.uri for result in results] == sorted(result.uri for result in results)
    assert set(load.begun().values()) == {1}
    assert len(load.processes()) == 2
    assert len(await load.qdrant.points("tandem-words")) == 12
    for process in load.processes():  # they end with the load
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    again = await load.ingest(2)
    assert {result.status for result in again} == {"unchanged"}
    assert sum(load.begun().values()) == 12


async def test_documents_of_a_killed_process_are_read_by_another_and_each_is_in_once(load: _Load) -> None:
    (load.folder / "page-3.txt").write_text("A fatal tea is at three.")
    results = await load.ingest(2)
    assert [result.status for result in results] == ["added"] * 12
    # What was being read beside it was begun again, and nothing else.
    assert load.begun()["page-3.txt"] == 2
    assert sum(load.begun().values()) <= 12 + 2
    assert len(load.processes()) == 3
    documents = await load.library.documents(EVERYONE)
    assert len(documents) == len(await load.qdrant.points("tandem-words")) == 12


async def test_document_that_kills_each_process_is_left_out_with_its_reason_and_the_others_are_in(load: _Load) -> None:
    (load.folder / "page-3.txt").write_text("A deadly tea is at three.")
    results = await load.ingest(2)
    failed = [result for result in results if result.status == "failed"]
    assert [result.title for result in failed] == ["page-3.txt"]
    assert "ended 3 times" in (failed[0].error or "")
    assert load.begun()["page-3.txt"] == 3
    assert len(await load.library.documents(EVERYONE)) == 11


async def test_load_that_is_killed_whole_is_gone_on_with_by_the_next_and_nothing_is_read_twice(load: _Load) -> None:
    async with IngestWorkers(2, main=ingest_process.main) as workers:
        found = cast("AsyncGenerator[IngestResult]", load.library.ingest(str(load.folder), "public", workers=workers))
        async with aclosing(found) as results:
            assert (await anext(results)).status == "added"
            for process in load.processes():
                os.kill(int(process), signal.SIGKILL)
    in_already = {entry.title for entry in await load.library.documents(EVERYONE)}
    before = load.begun()
    results = await load.ingest(2)
    assert {result.status for result in results} == {"added", "unchanged"}
    assert not set(load.begun() - before) & {f"{title}.txt" for title in in_already}
    assert len(await load.library.documents(EVERYONE)) == len(await load.qdrant.points("tandem-words")) == 12


def _refuse(_handed: Connection, told: Connection, _workers: int) -> None:
    told.send(Done(problem="The Qdrant server does not answer"))


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("main", "sentence"), [(_refuse, "Qdrant server does not answer"), (_die, "ended as it began")]
)
async def test_processes_that_cannot_start_end_the_command_with_one_sentence(main: object, sentence: str) -> None:
    with pytest.raises(WorkerError, match=sentence):
        async with IngestWorkers(2, main=main):  # pyright: ignore[reportArgumentType]
            raise AssertionError("it began")


async def test_index_that_is_away_ends_the_load_with_its_sentence(load: _Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_QDRANT", "http://127.0.0.1:9")
    with pytest.raises(WorkerError, match="TANDEM_QDRANT_URL"):
        await load.ingest(1)


@pytest.mark.parametrize("settings", [{}, {"qdrant_url": "http://127.0.0.1:9"}], ids=["embedded", "sqlite"])
async def test_workers_are_refused_where_one_process_owns_the_database_or_the_index(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match="TANDEM_DATABASE_URL to PostgreSQL and TANDEM_QDRANT_URL"):
        async with operations_of_several(configuration_of(home=tmp_path, **settings), 2):
            raise AssertionError("it began")
