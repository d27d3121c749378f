"""A process that takes documents in, as `tandem ingest --workers` starts it, with an embedding that needs no model.

A document whose text says so kills the process that reads it: each time, or the first time only.
"""

import asyncio
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from bot.ingest_worker import serve
from knowledge.catalogue import Catalogue
from knowledge.documents import IngestResult, Origin
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex, open_store
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Source
from tests.knowledge.fakes import WordEmbedding


class Deadly(Library):
    """Notes what it reads in `begun.txt`, with the process that does."""

    folder: Path

    async def take_in(self, source: Source, scope: str, origin: Origin) -> IngestResult:
        with (self.folder / "begun.txt").open("a") as begun:
            begun.write(f"{os.getpid()} {source.name}\n")
        data = source.content.data if source.content else b""
        once = self.folder / f"{source.name}.killed"
        if b"deadly" in data or (b"fatal" in data and not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().take_in(source, scope, origin)


def library_of(*, database: str, qdrant: str, home: Path) -> Deadly:
    settings = KnowledgeSettings(home=home, qdrant_url=qdrant)
    index = PassageIndex(store=open_store(settings, "words"), embedding=WordEmbedding(), chunk_tokens=220)
    library = Deadly(
        index=index, catalogue=Catalogue(create_async_engine(database)), parser=Parser(settings),
        fetcher=Fetcher(settings), settings=settings,
    )  # fmt: skip
    library.folder = home
    return library


def main(handed: Connection, told: Connection, workers: int) -> None:
    asyncio.run(_serve(handed, told))


async def _serve(handed: Connection, told: Connection) -> None:
    library = library_of(
        database=os.environ["TEST_DATABASE"], qdrant=os.environ["TEST_QDRANT"], home=Path(os.environ["TEST_HOME"])
    )
    await serve(handed, told, library)
    await library.close()
