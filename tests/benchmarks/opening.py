"""A library with a home and a database of its own, as a bot has one."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import migrate, open_engine
from knowledge.catalogue import Catalogue
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.library import Library, open_library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding


@asynccontextmanager
async def opened_library(home: Path, embedding: ThreadedEmbedding | None = None) -> AsyncGenerator[Library]:
    """With the settings that Tandem comes with, and its embedding model unless another is given."""
    settings = KnowledgeSettings(home=home, qdrant_url="")
    async with opened_engine(home) as engine:
        if embedding is None:
            library = await open_library(settings, engine)
        else:
            library = Library(
                index=PassageIndex(
                    store=EdgeStore(home / "index"), embedding=embedding, chunk_tokens=settings.chunk_tokens
                ),
                catalogue=Catalogue(engine),
                parser=Parser(settings),
                fetcher=Fetcher(settings),
                settings=settings,
            )
        try:
            yield library
        finally:
            await library.close()


@asynccontextmanager
async def opened_engine(home: Path) -> AsyncGenerator[AsyncEngine]:
    # Never the database or the index server that the environment may name: those are the team's.
    url = URL.create("sqlite+aiosqlite", database=str(home / "tandem.db"))
    migrate(url)
    engine = open_engine(url)
    try:
        yield engine
    finally:
        await engine.dispose()
