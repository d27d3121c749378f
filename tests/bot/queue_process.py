"""A process that takes in an ingest from a folder's settings, over a real library and queue; some pages kill it.

Given a folder, the pages' names, and the names of those that kill it: with `kill -9`, in the middle of their reading.
`once.txt` in the folder keeps which pages that kill it one time only have done so.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
import knowledge.tables
from bot.arrivals import Arrival
from bot.deliveries import Deliveries
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import DocumentReader
from bot.durable import Durable
from bot.failpoints import Failpoints
from bot.ingesting import IngestDesk
from bot.ingests import Ingests
from bot.pacer import Pacer
from bot.quarantine import Quarantine
from bot.slack import Slack
from bot.slack_documents import SlackDocuments
from bot.stream import Outlet
from bot.work import Work
from knowledge.catalogue import Catalogue
from knowledge.documents import IngestResult, Origin
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher, Page
from knowledge.index import PassageIndex
from knowledge.ingesting import Workers
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from tests.bot.fakes import ShowingSlack
from tests.knowledge.fakes import WordEmbedding

_NO_ORIGIN = Origin()


class _Pages(Fetcher):
    async def fetch(self, url: str) -> Page:
        name = url.rpartition("/")[2]
        paragraphs = "".join(f"<h2>Part {part}</h2><p>{f'Rule {part} of {name} holds. ' * 20}</p>" for part in range(3))
        return Page(url=url, data=f"<h1>{name}</h1>{paragraphs}".encode(), content_type="text/html")


class _Deadly(Library):
    """Ends the process before a page's chunks are written, or after; `begun` is a line for each try."""

    folder: Path
    always: frozenset[str]
    once: frozenset[str]

    async def ingest(
        self,
        place: str,
        scope: str,
        origin: Origin = _NO_ORIGIN,
        *,
        whole_site: bool = False,
        workers: Workers | None = None,
    ) -> AsyncIterator[IngestResult]:
        name = place.rpartition("/")[2]
        with (self.folder / "begun.txt").open("a") as begun:
            begun.write(f"{name}\n")
        if name in self.always:
            await asyncio.sleep(0.5)  # others are being read beside it
            os.kill(os.getpid(), signal.SIGKILL)
        async for result in super().ingest(place, scope, origin, whole_site=whole_site, workers=workers):
            if name in self.once and name not in _lines(self.folder / "once.txt"):
                with (self.folder / "once.txt").open("a") as done:
                    done.write(f"{name}\n")
                os.kill(os.getpid(), signal.SIGKILL)
            yield result


def _lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


async def main(folder: Path, names: list[str], always: list[str], once: list[str]) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
        await connection.run_sync(knowledge.tables.metadata.create_all)
    settings = KnowledgeSettings(home=folder)
    index = PassageIndex(store=EdgeStore(folder / "edge"), embedding=WordEmbedding(), chunk_tokens=220)
    library = _Deadly(
        index=index, catalogue=Catalogue(engine), parser=Parser(settings), fetcher=_Pages(settings), settings=settings
    )
    library.folder, library.always, library.once = folder, frozenset(always), frozenset(once)
    shown = ShowingSlack()
    slack, not_asked = cast("Slack", shown), cast("Any", None)
    directory, ingests, queue = Directory(slack, team="T1"), Ingests(engine), DocumentQueue()
    deliveries = Deliveries(engine)
    outlet = Outlet(
        slack=slack, deliveries=deliveries, pacer=Pacer(interval_s=0), bot_user="UBOT", failpoints=Failpoints()
    )
    in_slack = SlackDocuments(slack=slack, downloads=not_asked, directory=directory, bot_user="UBOT")
    work = Work(
        answering=not_asked, feedback=not_asked, overrides=not_asked, upkeep=not_asked, channels=not_asked,
        releasing=not_asked, deliveries=deliveries,
        slack=slack,
        ingest=IngestDesk(outlet=outlet, in_slack=in_slack, directory=directory, ingests=ingests, queue=queue),
        documents=DocumentReader(
            library=library, in_slack=in_slack, directory=directory, quarantine=Quarantine(engine)
        ),
    )  # fmt: skip
    durable = Durable(
        database_url=f"sqlite:///{folder / 'durable.db'}", executor_id="bot-1", handler=work.do, documents=queue
    )
    durable.launch()
    urls = [f"https://a.example/{name}" for name in names]
    place = {"team": "T1", "channel": "C1", "user": "U1"}
    arrival = Arrival(id="w1", kind="ingest", payload={**place, "urls": urls, "everyone": False})
    await durable.store(arrival)  # delivered again at each start
    await durable.result("w1")
    print(shown.texts()[-1], flush=True)
    await durable.close()
    await library.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *json.loads(sys.argv[2])))
