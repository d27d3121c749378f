"""Who may read what, tried over many small workspaces: people, channels and documents change, and nobody sees too much or too little.

TANDEM_CASES says how many workspaces; the default is a sample.
"""

import asyncio
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import qdrant_edge as edge
from hypothesis import HealthCheck, Phase, given, settings
from llama_index.core.vector_stores.types import VectorStoreQuery
from qdrant_client import AsyncQdrantClient, models
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.audience import Audience
from knowledge.catalogue import Catalogue
from knowledge.documents import Passage
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.layout import PassageStore
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.server_store import ServerStore
from knowledge.settings import KnowledgeSettings
from knowledge.tables import metadata
from tests.bot.histories import EVERY_SCOPE, Bench, Step, histories, worlds
from tests.bot.readers import World
from tests.knowledge.fakes import WordEmbedding

CASES = int(os.environ.get("TANDEM_CASES", "40"))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


# A bench is made once for all cases: an embedded index takes a third of a second to come into being.
class MakeBench(Protocol):
    def __call__(
        self, store: PassageStore, *, catalogue: type[Catalogue] = ..., library: type[Library] = ...
    ) -> Bench: ...


@pytest.fixture
def make_bench(runner: asyncio.Runner, tmp_path: Path) -> Iterator[MakeBench]:
    knowledge_settings = KnowledgeSettings(home=tmp_path)
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    libraries: list[Library] = []

    async def tables() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)

    def make(store: PassageStore, *, catalogue: type[Catalogue] = Catalogue, library: type[Library] = Library) -> Bench:
        made = library(
            index=PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=220),
            catalogue=catalogue(engine),
            parser=Parser(knowledge_settings),
            fetcher=Fetcher(knowledge_settings),
            settings=knowledge_settings,
        )
        libraries.append(made)
        return Bench(library=made, store=store, engine=engine)

    runner.run(tables())
    yield make
    for library in libraries:
        runner.run(library.close())
    runner.run(engine.dispose())


def hold(runner: asyncio.Runner, bench: Bench, *, cases: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    """Raises AssertionError with the smallest workspace in which somebody sees too much or too little."""

    @settings(max_examples=cases, deadline=None, phases=phases, suppress_health_check=[HealthCheck.too_slow])
    @given(world=worlds(), steps=histories())
    def nobody_sees_too_much_or_too_little(world: World, steps: list[Step]) -> None:
        runner.run(bench.play(world, steps))

    nobody_sees_too_much_or_too_little()


@pytest.mark.timeout(240 + CASES)
@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_nobody_reads_more_or_less_than_they_may(
    runner: asyncio.Runner, make_bench: MakeBench, tmp_path: Path, kind: str
) -> None:
    store = (
        EdgeStore(tmp_path / "index") if kind == "embedded" else ServerStore(AsyncQdrantClient(":memory:"), "tandem")
    )
    hold(runner, make_bench(store), cases=CASES)


class OpenEdgeStore(EdgeStore):
    """Searches whatever there is."""

    def _request(self, query: VectorStoreQuery, readable: edge.Filter) -> edge.QueryRequest | None:
        return super()._request(query, edge.Filter())


class OpenServerStore(ServerStore):
    """Searches whatever there is."""

    def _branches(self, query: VectorStoreQuery, readable: models.Filter) -> list[models.Prefetch]:
        return super()._branches(query, models.Filter())


class OpenCatalogue(Catalogue):
    """Counts whatever there is."""

    async def count(self, audience: Audience) -> int:
        return await super().count(EVERY_SCOPE)


class OpenLibrary(Library):
    """Draws whatever there is."""

    async def sample(self, audience: Audience, *, limit: int, seed: int, aside: Collection[str] = ()) -> list[Passage]:
        return await super().sample(EVERY_SCOPE, limit=limit, seed=seed, aside=aside)


def test_an_embedded_index_that_does_not_filter_is_found_out(
    runner: asyncio.Runner, make_bench: MakeBench, tmp_path: Path
) -> None:
    store = OpenEdgeStore(tmp_path / "index")  # pyright: ignore[reportCallIssue] — pydantic's constructor is overridden
    with pytest.raises(AssertionError, match="finds"):
        hold(runner, make_bench(store), cases=60, phases=(Phase.generate,))


def test_a_server_that_does_not_filter_is_found_out(runner: asyncio.Runner, make_bench: MakeBench) -> None:
    store = OpenServerStore(AsyncQdrantClient(":memory:"), "tandem")  # pyright: ignore[reportCallIssue] — as above
    with pytest.raises(AssertionError, match="finds"):
        hold(runner, make_bench(store), cases=60, phases=(Phase.generate,))


def test_a_catalogue_that_does_not_filter_is_found_out(
    runner: asyncio.Runner, make_bench: MakeBench, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="counts"):
        hold(
            runner,
            make_bench(EdgeStore(tmp_path / "index"), catalogue=OpenCatalogue),
            cases=60,
            phases=(Phase.generate,),
        )


def test_a_library_that_draws_without_a_filter_is_found_out(
    runner: asyncio.Runner, make_bench: MakeBench, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="draws"):
        hold(runner, make_bench(EdgeStore(tmp_path / "index"), library=OpenLibrary), cases=60, phases=(Phase.generate,))
