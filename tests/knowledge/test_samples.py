"""What a night may learn from: only what everybody may read, is current, and was handed over."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE, NOBODY
from knowledge.documents import Document, Origin, Passage, document_id
from knowledge.library import Library
from knowledge.samples import sample
from knowledge.tables import documents
from tests.knowledge.fakes import index_of

_HANDED_OVER = Origin(overheard=False)


async def _take_in(library: Library, name: str, *, scope: str = "public", origin: Origin = _HANDED_OVER) -> Document:
    text = "\n\n".join(f"## Part {n}\n\n{name} says {n}. " + "A word. " * 60 for n in range(3))
    document = Document(uri=f"https://wiki.example/{name}", title=name, text=text, scope=scope)
    result = await library.ingest_text(document, origin)
    assert result.status in {"added", "updated"}
    return document


async def _drawn(library: Library, *, limit: int = 100, seed: int = 1, aside: tuple[str, ...] = ()) -> list[Passage]:
    return await library.sample(EVERYONE, limit=limit, seed=seed, aside=aside)


async def test_passage_that_not_everybody_may_read_is_never_drawn(library: Library):
    await _take_in(library, "open")
    await _take_in(library, "closed", scope="channel:C1")

    assert {passage.title for passage in await _drawn(library)} == {"open"}
    assert await library.sample(NOBODY, limit=100, seed=1) == []


async def test_document_that_was_overheard_is_never_drawn(library: Library):
    await _take_in(library, "said", origin=Origin())

    assert await _drawn(library) == []


async def test_document_that_is_gone_or_set_aside_is_not_drawn(library: Library, engine: AsyncEngine):
    removed, aside, missing = [await _take_in(library, name) for name in ("removed", "aside", "missing")]
    below = await _take_in(library, "below", origin=Origin(place="/broken.zip", overheard=False))
    await library.remove(removed.id)
    async with engine.begin() as connection:
        gone = documents.update().where(documents.c.id == missing.id).values(missing_since=datetime.now(UTC))
        await connection.execute(gone)

    set_aside = (aside.id, document_id("/broken.zip", "public"))
    assert {passage.document_id for passage in await _drawn(library)} == {aside.id, below.id}
    assert await _drawn(library, aside=set_aside) == []


async def test_version_before_is_not_drawn(library: Library):
    before = await _take_in(library, "page")
    changed = Document(uri=before.uri, title="page", text="It says something else.", scope="public")
    await library.ingest_text(changed, _HANDED_OVER)

    assert [passage.text for passage in await _drawn(library)] == ["It says something else."]


async def test_same_library_gives_the_same_passages_and_another_seed_others(library: Library):
    for name in range(12):
        await _take_in(library, f"page{name}")

    first = await _drawn(library, limit=5)

    assert len({passage.document_id for passage in first}) == 5
    assert await _drawn(library, limit=5) == first
    assert await _drawn(library, limit=5, seed=2) != first


async def test_few_documents_give_several_passages_each_and_never_more_than_the_limit(library: Library):
    await _take_in(library, "one")
    await _take_in(library, "two")

    assert len(await _drawn(library, limit=100)) == 6
    assert len(await _drawn(library, limit=3)) == 3


async def test_document_that_comes_leaves_the_other_draws_alone(library: Library):
    for name in range(6):
        await _take_in(library, f"page{name}")
    before = {passage.chunk_id for passage in await _drawn(library, limit=6)}
    await _take_in(library, "new")

    assert len(before - {passage.chunk_id for passage in await _drawn(library, limit=6)}) <= 1


async def test_draw_is_the_same_however_many_are_read_at_once(library: Library, engine: AsyncEngine):
    for name in range(7):
        await _take_in(library, f"page{name}")

    by_twos = await sample(index_of(library), engine, EVERYONE, limit=4, seed=1, page_size=2)

    assert by_twos == await _drawn(library, limit=4)
