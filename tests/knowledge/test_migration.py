"""An index copied point for point; qdrant-client in memory stands in for the server."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient

from knowledge.audience import EVERYONE
from knowledge.documents import Document, Passage
from knowledge.edge_store import EdgeStore
from knowledge.errors import IndexUnavailable, NotMigrated
from knowledge.index import PassageIndex
from knowledge.layout import PassageStore
from knowledge.migration import Migrated, copy_index, migrate
from knowledge.points import Point
from knowledge.server_store import ServerStore
from knowledge.settings import KnowledgeSettings
from tests.knowledge.fakes import WordEmbedding

WORDS = [
    f"{first}{second}"
    for first in ("tea", "floor", "pay", "rail", "mail", "desk")
    for second in ("room", "plan", "list", "bill", "day")
]
QUESTIONS = ["tearoom floorplan", "paylist raillist", "deskbill mailday teaday", "railplan"]


class _Backwards(WordEmbedding):
    """Another model whose vectors are as long."""

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector[::-1] for vector in super()._embed(texts)]


class _Killed(Exception):
    pass


class _DiesAfter(EdgeStore):
    """Ends in the middle of a copy, as a killed process would."""

    async def put(self, points: Sequence[Point]) -> None:
        if await self.total():
            raise _Killed
        await super().put(points)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Callable[[str], EdgeStore]]:
    opened: list[EdgeStore] = []

    def make(name: str) -> EdgeStore:
        opened.append(EdgeStore(tmp_path / name))
        return opened[-1]

    yield make
    for store in opened:
        await store.aclose()


def on_server() -> ServerStore:
    return ServerStore(AsyncQdrantClient(":memory:"), "tandem-words")


def over(store: PassageStore) -> PassageIndex:
    return PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=220)


async def fill(store: PassageStore, pages: int = 30) -> None:
    index = over(store)
    # No two pages are equally long, or equally near to a question: then their order would be an accident.
    chance = random.Random(7)
    for number in range(pages):
        text = f"# Part {number}\n\n{' '.join(chance.choices(WORDS, k=9 + 2 * number % 200))}"
        await index.add(
            Document(uri=f"file:///{number}", title=f"Page {number}", text=text, scope="public", author="A B")
        )


async def copy(source: PassageStore, target: PassageStore, *, replacing: bool = False) -> Migrated:
    return await copy_index(source, target, replace=replacing, progress=lambda *_: None)


async def are_same(one: PassageStore, other: PassageStore) -> bool:
    ids, _ = await one.ids(None, 1000)
    pairs = zip(*[sorted(await each.points(ids), key=lambda point: point.id) for each in (one, other)], strict=True)
    return await one.total() == await other.total() and all(left.is_same_as(right) for left, right in pairs)


async def found_in(store: PassageStore) -> list[list[tuple[Passage, float, float]]]:
    index = over(store)
    hits = [await index.search(question, EVERYONE, limit=8) for question in QUESTIONS]
    return [
        [(replace(hit, score=0.0, similarity=0.0), round(hit.score, 5), round(hit.similarity, 4)) for hit in found]
        for found in hits
    ]


async def test_round_trip_over_a_server_searches_as_before(edge: Callable[[str], EdgeStore]) -> None:
    source, server, back = edge("one"), on_server(), edge("two")
    await fill(source)
    assert await copy(source, server) == Migrated(points=30, copied=30, unchanged=0, removed=0)
    await copy(server, back)
    ids, _ = await source.ids(None, 100)
    assert all("_node_content" in point.payload for point in await back.points(ids))
    assert await are_same(source, back)
    assert await found_in(back) == await found_in(source)
    assert (await found_in(back))[0]


async def test_a_second_run_changes_nothing(edge: Callable[[str], EdgeStore]) -> None:
    source, server = edge("index"), on_server()
    await fill(source)
    await copy(source, server)
    assert await copy(source, server) == Migrated(points=30, copied=0, unchanged=30, removed=0)


async def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, edge: Callable[[str], EdgeStore]) -> None:
    source, target = on_server(), _DiesAfter(tmp_path / "index")  # pyright: ignore[reportCallIssue]
    await fill(source, pages=300)
    with pytest.raises(_Killed):
        await copy(source, target)
    await target.settle()
    await target.aclose()
    again = edge("index")
    there = await again.total()
    assert 0 < there < 300
    assert await copy(source, again) == Migrated(points=300, copied=300 - there, unchanged=there, removed=0)
    assert await are_same(again, source)


async def test_a_point_that_was_changed_is_written_again(edge: Callable[[str], EdgeStore]) -> None:
    source, server = edge("index"), on_server()
    await fill(source, pages=3)
    await copy(source, server)
    ids, _ = await source.ids(None, 1)
    (point,) = await source.points(ids)
    await source.put([replace(point, payload={**point.payload, "scope": "channel:C1"})])
    assert (await copy(source, server)).copied == 1
    assert (await server.points(ids))[0].payload["scope"] == "channel:C1"


async def test_an_empty_index_is_not_copied(edge: Callable[[str], EdgeStore]) -> None:
    server = on_server()
    await fill(server, pages=1)
    with pytest.raises(NotMigrated, match="nothing to copy"):
        await copy(edge("index"), server)


async def test_a_target_that_holds_more_is_left_alone_unless_it_is_to_be_replaced(
    edge: Callable[[str], EdgeStore],
) -> None:
    older, newer = edge("index"), on_server()
    await fill(older, pages=3)
    await fill(newer, pages=5)
    with pytest.raises(NotMigrated, match="2 passages that the source lacks"):
        await copy(older, newer)
    assert await newer.total() == 5
    assert await copy(older, newer, replacing=True) == Migrated(points=3, copied=0, unchanged=3, removed=2)
    assert await are_same(newer, older)


async def test_a_target_of_another_model_is_left_alone(edge: Callable[[str], EdgeStore]) -> None:
    source, target = edge("index"), on_server()
    await fill(source, pages=3)
    other = PassageIndex(store=target, embedding=_Backwards(model_name="backwards"), chunk_tokens=220)
    ids, _ = await source.ids(None, 10)
    await other.add(
        Document(uri="file:///9", title="Page 9", text="The same length, but not the same page.", scope="public")
    )
    points = await source.points(ids)
    await target.put([replace(point, dense=point.dense[::-1]) for point in points])
    with pytest.raises(NotMigrated, match="another embedding model"):
        await copy(source, target, replacing=True)
    shorter = on_server()
    await shorter.put([replace(point, dense=point.dense[:8]) for point in points])
    with pytest.raises(NotMigrated, match="another embedding model"):
        await copy(source, shorter, replacing=True)
    assert (await target.total(), await shorter.total()) == (4, 3)


async def test_a_copy_that_lost_a_point_is_found_out(tmp_path: Path) -> None:
    class Leaky(EdgeStore):
        async def put(self, points: Sequence[Point]) -> None:
            await super().put(points[1:])

    class Garbling(EdgeStore):
        async def put(self, points: Sequence[Point]) -> None:
            await super().put([replace(point, payload={}) for point in points])

    source = on_server()
    leaky, garbling = Leaky(tmp_path / "leaky"), Garbling(tmp_path / "garbling")  # pyright: ignore[reportCallIssue]
    await fill(source, pages=3)
    with pytest.raises(NotMigrated, match="not whole: 3 passages in the source, 2 in the target"):
        await copy(source, leaky)
    with pytest.raises(NotMigrated, match="differs"):
        await copy(source, garbling)
    await leaky.aclose()
    await garbling.aclose()


async def test_the_index_of_a_running_bot_is_left_alone(tmp_path: Path) -> None:
    settings = KnowledgeSettings(home=tmp_path)
    owner = EdgeStore(tmp_path / "index" / "all-minilm-l6-v2")
    with pytest.raises(IndexUnavailable, match="in use by process"):
        await migrate(
            settings,
            "all-minilm-l6-v2",
            source="embedded",
            target="http://127.0.0.1:9",
            replace=False,
            progress=lambda *_: None,
        )
    await owner.aclose()


async def test_an_index_is_not_copied_into_itself(tmp_path: Path) -> None:
    with pytest.raises(NotMigrated, match="--to"):
        await migrate(
            KnowledgeSettings(home=tmp_path),
            "words",
            source="embedded",
            target="embedded",
            replace=False,
            progress=lambda *_: None,
        )
