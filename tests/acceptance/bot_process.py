"""A bot of real parts, for trials that kill it: only the search is told what to find. Settings come as one JSON argument."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import bot.tables
import router.tables
from bot.service import SlackSettings, open_bot
from knowledge.documents import Entry, IngestResult, Origin
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.releases import Releases
from router.router import Router
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, passage

LEAVE = passage(
    "Every employee has 31 days of paid leave a year. Unused days expire at the end of March.", title="Leave policy"
)
SECRET = passage("The salary band of an engineer begins at 61,000 euros a year.", title="Salary bands", similarity=0.7)

GARDEN = passage("The garden on the roof is watered on Mondays.", title="Roof garden", similarity=0.3)


class ShelfOfNames:
    """A library that only keeps what it was handed: the acceptance of documents is tried elsewhere."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def ingest_bytes(self, data: bytes, *, name: str, uri: str, scope: str, origin: Origin) -> list[IngestResult]:
        if b"\x00broken" in data:
            return [IngestResult(uri=uri, title=name, status="failed", error="The file is broken.")]
        status = "unchanged" if self.kept.get(f"{scope} {uri}") == data else "added"
        self.kept[f"{scope} {uri}"] = data
        return [IngestResult(uri=uri, title=f"{name} for {scope}", status=status, chunks=1)]

    async def ingest(self, place: str, scope: str, origin: Origin) -> Any:
        if "unreachable" in place:
            yield IngestResult(uri=place, title=place, status="failed", error="The page could not be reached.")
        else:
            yield IngestResult(uri=place, title=f"{place} for {scope}", status="added", chunks=1)

    async def from_places(self, *_: str) -> list[Entry]:
        return []


async def main(given: dict[str, Any]) -> None:
    logging.basicConfig(level=given.get("log_level", "WARNING"), stream=sys.stderr)
    engine = _engine(given["database_url"])
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
        await connection.run_sync(router.tables.metadata.create_all)
    routing = RouterSettings(model_name="base", model_url=given["model_url"], **given["routing"])
    journal = Journal(engine)
    model = ModelClient(url=given["model_url"], settings=routing)
    answering = Router(
        search=FakeSearch(by_word={"garden": [GARDEN], "leave": [LEAVE], "salary": [SECRET], "expire": [LEAVE]}),
        model=model,
        policies=Policies(Path(given["policies"])),
        journal=journal,
        releases=Releases(engine),
        settings=routing,
    )
    service = await open_bot(
        SlackSettings(**given["slack"]),
        router=answering,
        library=ShelfOfNames(),  # type: ignore[arg-type]
        journal=journal,
        engine=engine,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await service.start()
    print("ready", flush=True)
    await stop.wait()
    await service.stop()
    await model.aclose()
    await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _use_wal)
    return engine


def _use_wal(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=10000")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
