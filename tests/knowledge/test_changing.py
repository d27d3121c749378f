"""The embedding model is changed: models stand behind a small embedding service, everything else is the real thing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from knowledge.changing import ChangingIndex
from knowledge.documents import Document, Passage
from knowledge.errors import IndexUnavailable
from knowledge.following import FollowingIndex
from knowledge.in_service import InService, ServiceRecord
from knowledge.index import PassageIndex
from knowledge.layout import PassageStore
from knowledge.opening import open_index_in_service
from knowledge.settings import KnowledgeSettings
from tests.knowledge.fakes import WordEmbedding, application_served

PAGES = 100


@dataclass
class Models:
    """`first` and `second` embed words, the second one backwards and longer; any other is gone."""

    url: str = ""
    embedded: Counter[str] = field(default_factory=Counter)
    fails_after: int = 1_000_000
    open: asyncio.Event = field(default_factory=asyncio.Event)
    gone: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name, texts = asked["model"], asked["input"]
        if name in self.gone or self.embedded["second"] >= self.fails_after:
            return web.Response(status=404)
        if name == "second" and len(texts) > 1:
            await self.open.wait()
        self.embedded[name] += len(texts)
        vectors = WordEmbedding()._embed(texts)
        if name == "second":
            vectors = [[*vector[::-1], 0.0] for vector in vectors]
        return web.json_response({"data": [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]})


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    models = Models()
    models.open.set()
    async with application_served(web.post("/embeddings", models.answer)) as models.url:
        yield models
        models.open.set()


Opened = PassageIndex | FollowingIndex | ChangingIndex


@pytest.fixture
async def start(tmp_path: Path, engine: AsyncEngine, models: Models) -> AsyncIterator[Callable[..., object]]:
    """Open the index as a process that starts with this model does, after the one before has ended."""
    opened: list[Opened] = []

    async def start(model: str) -> Opened:
        while opened:
            await opened.pop().close()
        settings = KnowledgeSettings(home=tmp_path, embedding_url=models.url, embedding_model=model)
        opened.append(await open_index_in_service(settings, ServiceRecord(engine)))
        return opened[-1]

    yield start
    while opened:
        await opened.pop().close()


async def in_service(engine: AsyncEngine) -> InService:
    record = await ServiceRecord(engine).read()
    assert record is not None
    return record


def page(number: int) -> Document:
    text = f"The printer of floor {number} is called Zweibrücken{number}, and tea is at {number}."
    return Document(uri=f"file:///{number}", title=f"Page {number}", text=text, scope="public")


async def filled(start, pages: int = PAGES) -> None:
    index = await start("first")
    # As the service would, without asking it a hundred times.
    beside = PassageIndex(store=index.store, embedding=WordEmbedding(), chunk_tokens=220)
    for number in range(pages):
        await beside.add(page(number))


async def titles(index: Opened, question: str) -> list[str]:
    return [found.title for found in await index.search(question, EVERYONE, limit=3)]


async def test_the_old_index_answers_until_the_new_one_is_whole(start, models, engine, tmp_path):
    await filled(start)
    index = await start("second")
    before = models.embedded["first"]
    assert (await titles(index, "Zweibrücken7"))[0] == "Page 7"
    assert models.embedded["first"] == before + 1
    assert models.embedded["second"] == 0
    await index.build()
    assert index.change is None
    assert (await titles(index, "Zweibrücken7"))[0] == "Page 7"
    # Each passage was embedded once, and each of the questions since.
    assert models.embedded["second"] == PAGES + 1
    assert (await in_service(engine)).name == "second"
    assert [folder.name for folder in (tmp_path / "index").iterdir()] == ["second"]
    assert isinstance(await start("second"), PassageIndex)


async def test_only_the_dense_vectors_are_new(make_store: Callable[[], PassageStore], engine):
    stores = make_store(), make_store()
    old, new = [PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=220) for store in stores]
    for number in range(70):
        await old.add(page(number))
    ids, _ = await stores[0].ids(None, 100)
    stored = {point.id: point for point in await stores[0].points(ids)}
    record, serving = ServiceRecord(engine), InService(name="old", model="", url="", other="new", is_building=True)
    await record.put(serving)
    index = ChangingIndex(
        old=old, new=new, serving=serving, wanted=InService(name="new", model="", url=""), record=record
    )
    await index.build()
    assert await stores[1].ids(None, 100) == (ids, None)
    # The model is the same here, so that all of it is.
    assert all(point.is_same_as(stored[point.id]) for point in await stores[1].points(ids))
    assert (await titles(index, "Zweibrücken7"))[0] == "Page 7"
    assert await stores[0].total() == 0
    await index.close()


async def test_a_half_built_index_is_not_searched_and_its_progress_is_told(start, models, engine):
    await filled(start)
    index = await start("second")
    models.fails_after = 64
    with pytest.raises(IndexUnavailable):
        await index.build()
    assert (index.change.done, index.change.total, index.change.percent) == (64, PAGES, 64)
    assert (await in_service(engine)).change == index.change
    assert "64% of the passages are embedded anew for second" in str(index.change)
    models.fails_after = 1_000_000
    found = await index.search("printer floor tea", EVERYONE, limit=PAGES)
    assert len(found) == PAGES


async def test_a_killed_process_goes_on_where_it_was(start, models):
    await filled(start)
    index = await start("second")
    models.fails_after = 64
    with pytest.raises(IndexUnavailable):
        await index.build()
    models.fails_after = 1_000_000
    again = await start("second")
    assert again.change is not None
    await again.build()
    assert models.embedded["second"] == PAGES
    assert len(await again.search("printer floor tea", EVERYONE, limit=2 * PAGES)) == PAGES


async def test_what_is_taken_in_and_out_meanwhile_is_so_in_both(start, models):
    await filled(start)
    index = await start("second")
    models.open.clear()
    building = asyncio.create_task(index.build())
    await asyncio.sleep(0.2)
    for number in range(PAGES):
        if number != 7:
            await index.remove(page(number).id)
    await index.add(page(1000))
    assert (await titles(index, "Zweibrücken1000"))[0] == "Page 1000"
    models.open.set()
    await building
    assert index.change is None
    assert {*await titles(index, "printer floor tea")} == {"Page 7", "Page 1000"}
    assert await index.count(page(8).id) == 0


async def test_what_lies_in_either_index_is_held(start):
    await filled(start, pages=1)
    index = await start("second")
    assert isinstance(index, ChangingIndex)
    await index._new.add(page(5))
    wanted = [page(number).id for number in (0, 5, 6)]
    assert await index.counts(wanted) == {page(0).id: 1}
    assert await index.held(wanted) == {page(0).id: 1, page(5).id: 1}


async def test_a_process_that_does_not_build_follows_the_switch(start, models, engine, make_store):
    stores = make_store(), make_store()
    record, serving = ServiceRecord(engine), InService(name="old", model="", url="", other="new", is_building=True)
    await record.put(serving)
    wanted = InService(name="new", model="", url="")
    builder, other = [
        ChangingIndex(
            old=PassageIndex(store=stores[0], embedding=WordEmbedding(), chunk_tokens=220),
            new=PassageIndex(store=stores[1], embedding=WordEmbedding(), chunk_tokens=220),
            serving=serving,
            wanted=wanted,
            record=record,
        )
        for _ in range(2)
    ]
    await builder.add(page(1))
    await builder.build()
    await other.add(page(2))
    assert other.change is None
    assert {*await titles(other, "printer floor tea")} == {"Page 1", "Page 2"}
    assert await stores[0].total() == 0
    await builder.close()


async def test_without_the_old_model_words_alone_find_and_the_new_model_judges(start, models, caplog):
    await filled(start)
    models.gone.add("first")
    index = await start("second")
    assert index.change.is_by_words
    assert "by words alone" in caplog.text
    assert "by words alone" in str(index.change)
    found = await index.search("Zweibrücken7", EVERYONE, limit=3)
    assert [passage.title for passage in found] == ["Page 7"]
    # The title and the text hold it once among some twenty words.
    assert 0.05 < found[0].similarity < 0.9
    await index.add(page(1000))
    assert await titles(index, "Zweibrücken1000") == ["Page 1000"]
    await index.build()
    assert len(await index.search("printer floor tea", EVERYONE, limit=2 * PAGES)) == PAGES + 1


async def test_a_change_that_is_taken_back_leaves_nothing_behind(start, models, tmp_path, engine):
    await filled(start, pages=5)
    await (await start("second")).add(page(9))
    index = await start("first")
    assert index.change is None
    assert (await titles(index, "Zweibrücken9"))[0] == "Page 9"
    await index.build()
    assert [folder.name for folder in (tmp_path / "index").iterdir()] == ["first"]
    assert await ServiceRecord(engine).read() == InService(name="first", model="first", url=models.url)


async def test_an_index_that_was_replaced_is_removed_by_the_next_start(start, models, tmp_path, engine):
    await filled(start, pages=5)
    await (await start("second")).build()
    (tmp_path / "index" / "first" / "shard").mkdir(parents=True)
    replaced = InService(name="first", model="first", url="").after(await in_service(engine))
    await ServiceRecord(engine).put(replaced)
    await start("second")
    assert [folder.name for folder in (tmp_path / "index").iterdir()] == ["second"]


@pytest.mark.parametrize("other", ["first", "third"])
async def test_a_command_that_is_started_with_another_setting_leaves_a_half_built_index_as_it_is(start, models, other):
    await filled(start)
    models.fails_after = 64
    with pytest.raises(IndexUnavailable):
        await (await start("second")).build()
    models.fails_after = 1_000_000
    assert (await titles(await start(other), "Zweibrücken7"))[0] == "Page 7"
    index = await start("second")
    await index.build()
    assert models.embedded["second"] == PAGES


async def test_a_third_model_takes_over_from_a_half_built_second_one(start, models, tmp_path, engine):
    await filled(start, pages=5)
    models.open.clear()
    building = asyncio.create_task((await start("second")).build())
    await asyncio.sleep(0.1)
    building.cancel()
    models.open.set()
    index = await start("third")
    await index.build()
    assert (await titles(index, "Zweibrücken4"))[0] == "Page 4"
    assert [folder.name for folder in (tmp_path / "index").iterdir()] == ["third"]
    assert (await in_service(engine)).name == "third"


async def test_setting_changed_back_finds_an_index_that_was_being_removed_and_builds_it_anew(start, tmp_path, engine):
    await filled(start)
    await (await start("second")).build()
    await ServiceRecord(engine).put(InService(name="first", model="first", url="").after(await in_service(engine)))
    half_removed = tmp_path / "index" / "first" / "shard"
    half_removed.mkdir(parents=True)
    (half_removed / "edge_config.json").write_text("{")
    index = await start("first")
    await index.build()
    assert len(await index.search("printer floor tea", EVERYONE, limit=2 * PAGES)) == PAGES
    assert [folder.name for folder in (tmp_path / "index").iterdir()] == ["first"]


NEW = InService(name="new", model="", url="")


async def test_half_built_index_on_a_server_is_left_to_whoever_may_be_building_it(engine, tmp_path, caplog):
    # Nothing listens there: an attempt to remove it would fail.
    settings = KnowledgeSettings(
        home=tmp_path, qdrant_url="http://127.0.0.1:9", embedding_url="http://127.0.0.1:9", embedding_model="first"
    )
    building = InService(
        name="first", model="first", url=settings.embedding_url, other="second", is_building=True, done=64, total=100
    )
    await ServiceRecord(engine).put(building)
    index = await open_index_in_service(settings, ServiceRecord(engine))
    await index.build()
    assert await in_service(engine) == building
    assert "second is half built" in caplog.text
    await index.close()


BUILDING = InService(name="old", model="", url="", other="new", is_building=True)


class _Record(ServiceRecord):
    """Lets something happen once: after the record was read, or right before the switch."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.after_reading: Callable[[], Awaitable[object]] | None = None
        self.before_switch: Callable[[], Awaitable[object]] | None = None

    async def read(self) -> InService | None:
        noted = await super().read()
        if self.after_reading is not None:
            happens, self.after_reading = self.after_reading, None
            await happens()
        return noted

    async def swap(self, before: InService, now: InService, *, untouched: bool = False) -> bool:
        if untouched and self.before_switch is not None:
            happens, self.before_switch = self.before_switch, None
            await happens()
        return await super().swap(before, now, untouched=untouched)


class _Overtaken(PassageIndex):
    """As a server's: a question on its way there is answered after what `meanwhile` does, and fails where it is gone."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def search(self, *asked, **how) -> list[Passage]:
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        if not await self._store.total():
            raise IndexUnavailable("The Qdrant server knows no such collection")
        return await super().search(*asked, **how)


@pytest.fixture
async def pair(engine: AsyncEngine, make_store) -> tuple[PassageStore, PassageStore]:
    """The old store and the new one, with the record of a change from one to the other."""
    await ServiceRecord(engine).put(BUILDING)
    return make_store(), make_store()


def _over(store: PassageStore) -> _Overtaken:
    return _Overtaken(store=store, embedding=WordEmbedding(), chunk_tokens=220)


def _changing(
    pair: tuple[PassageStore, PassageStore], record: ServiceRecord, *, old: PassageIndex | None = None
) -> ChangingIndex:
    old = old or _over(pair[0])
    return ChangingIndex(old=old, new=_over(pair[1]), serving=BUILDING, wanted=NEW, record=record)


def _following(
    pair: tuple[PassageStore, PassageStore], engine: AsyncEngine, *, index: PassageIndex | None = None
) -> FollowingIndex:
    async def open_named(noted: InService) -> PassageIndex:
        assert noted.name == "new"
        return _over(pair[1])

    async def discard(name: str) -> bool:
        raise AssertionError(name)

    index = index or _over(pair[0])
    return FollowingIndex(index=index, name="old", record=ServiceRecord(engine), open_named=open_named, discard=discard)


async def test_search_that_looks_up_the_index_just_before_the_switch_is_answered(pair, engine):
    record = _Record(engine)
    index = _changing(pair, record)
    await index.add(page(7))
    building: list[asyncio.Task[None]] = []

    async def switch() -> None:
        building.append(asyncio.create_task(index.build()))
        while (await in_service(engine)).name == "old":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    record.after_reading = switch
    assert await titles(index, "Zweibrücken7") == ["Page 7"]
    await building[0]
    assert await pair[0].total() == 0


async def test_search_on_its_way_in_another_process_is_answered_by_the_new_index(pair, engine):
    builder, old = _changing(pair, ServiceRecord(engine)), _over(pair[0])
    other = _changing(pair, ServiceRecord(engine), old=old)
    await builder.add(page(7))
    old.meanwhile = builder.build
    assert await titles(other, "Zweibrücken7") == ["Page 7"]
    assert await pair[0].total() == 0


async def test_search_fails_where_the_old_index_is_gone_and_no_other_is_in_service(pair, engine):
    index = _changing(pair, ServiceRecord(engine))
    with pytest.raises(IndexUnavailable):
        await titles(index, "Zweibrücken7")


async def test_process_with_the_previous_setting_follows_the_switch(pair, engine):
    builder, old = _changing(pair, ServiceRecord(engine)), _over(pair[0])
    follower = _following(pair, engine, index=old)
    await follower.add(page(7))
    old.meanwhile = builder.build
    assert await titles(follower, "Zweibrücken7") == ["Page 7"]
    assert await pair[0].total() == 0
    await follower.add(page(8))
    assert {*await titles(builder, "printer floor tea")} == {"Page 7", "Page 8"}
    assert await pair[0].total() == 0
    await follower.remove(page(7).id)
    assert await titles(builder, "printer floor tea") == ["Page 8"]


async def test_what_a_process_with_the_previous_setting_writes_just_before_the_switch_is_not_lost(pair, engine):
    record = _Record(engine)
    builder, follower = _changing(pair, record), _following(pair, engine)
    await builder.add(page(6))
    await builder.add(page(7))

    async def write() -> None:
        await follower.add(page(8))
        await follower.remove(page(7).id)

    record.before_switch = write
    await builder.build()
    assert {*await titles(builder, "printer floor tea")} == {"Page 6", "Page 8"}
    assert (await in_service(engine)) == NEW


async def test_a_change_that_another_process_overtakes_ends_and_removes_nothing(pair, engine):
    record = _Record(engine)
    index = _changing(pair, record)
    await index.add(page(7))
    third = InService(name="old", model="", url="", other="third", is_building=True)
    record.before_switch = lambda: record.put(third)
    with pytest.raises(IndexUnavailable, match="Another process"):
        await index.build()
    assert await in_service(engine) == third
    assert await titles(index, "Zweibrücken7") == ["Page 7"]
    assert (await pair[0].total(), await pair[1].total()) == (1, 1)
