from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from knowledge.catalogue import Catalogue
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.layout import PassageStore
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.server_store import ServerStore
from knowledge.settings import KnowledgeSettings
from knowledge.tables import metadata
from tests.knowledge.fakes import WordEmbedding


@pytest.fixture
def settings(tmp_path: Path) -> KnowledgeSettings:
    return KnowledgeSettings(home=tmp_path / "home")


@pytest.fixture(params=["embedded", "server"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], PassageStore]:
    """A store of either kind; one that is made again is a new, empty one."""
    made: list[PassageStore] = []

    def make() -> PassageStore:
        if request.param == "embedded":
            store: PassageStore = EdgeStore(tmp_path / f"index-{len(made)}")
        else:
            store = ServerStore(AsyncQdrantClient(":memory:"), "tandem-test")
        made.append(store)
        return store

    return make


@pytest.fixture
def make_index(make_store: Callable[[], PassageStore]) -> Callable[[], PassageIndex]:
    return lambda: PassageIndex(store=make_store(), embedding=WordEmbedding(), chunk_tokens=220)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def library(engine: AsyncEngine, settings: KnowledgeSettings, tmp_path: Path) -> AsyncIterator[Library]:
    """A library over a real embedded index, a real parser and real SQL; only the model is a stand-in."""
    index = PassageIndex(store=EdgeStore(tmp_path / "edge"), embedding=WordEmbedding(), chunk_tokens=220)
    library = Library(
        index=index,
        catalogue=Catalogue(engine),
        parser=Parser(settings),
        fetcher=Fetcher(settings),
        settings=settings,
    )
    yield library
    await library.close()
