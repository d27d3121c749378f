import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient
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
from tests.conftest import QdrantServer
from tests.knowledge.fakes import WordEmbedding


@pytest.fixture
def settings(tmp_path: Path) -> KnowledgeSettings:
    return KnowledgeSettings(home=tmp_path / "home")


@pytest.fixture(params=["embedded", "in memory", pytest.param("server", marks=pytest.mark.qdrant)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], PassageStore]]:
    """A store of each kind; one that is made again is a new, empty one. In memory, qdrant-client stands in for a server."""
    server: QdrantServer | None = request.getfixturevalue("qdrant_server") if request.param == "server" else None
    run = uuid.uuid4().hex[:12]
    made: list[str] = []

    def make() -> PassageStore:
        made.append(f"tandem-test-{run}-{len(made)}")
        match request.param:
            case "embedded":
                return EdgeStore(tmp_path / made[-1])
            case "in memory":
                return ServerStore(AsyncQdrantClient(":memory:"), made[-1])
            case _:
                assert server is not None
                return ServerStore(AsyncQdrantClient(url=server.url, api_key=server.api_key), made[-1])

    yield make
    if server is not None:
        client = QdrantClient(url=server.url, api_key=server.api_key)
        for name in made:
            client.delete_collection(name)


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
async def library(
    engine: AsyncEngine, settings: KnowledgeSettings, make_index: Callable[[], PassageIndex]
) -> AsyncIterator[Library]:
    """A library over each kind of index, a real parser and real SQL; only the model is a stand-in."""
    library = Library(
        index=make_index(),
        catalogue=Catalogue(engine),
        parser=Parser(settings),
        fetcher=Fetcher(settings),
        settings=settings,
    )
    yield library
    await library.close()
