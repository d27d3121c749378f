"""Both stores do the same: every test here runs over the embedded index and over qdrant-client."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import MetadataFilters, VectorStoreQuery, VectorStoreQueryMode

from knowledge.audience import PUBLIC, Audience
from knowledge.documents import Document, Passage, chunk_id
from knowledge.filters import SearchFilter
from knowledge.index import PassageIndex, SearchMode
from knowledge.layout import PassageStore, readable_by
from knowledge.points import Point
from tests.knowledge.fakes import DIMENSIONS, WordEmbedding

SCOPES = [PUBLIC, "channel:C1", "channel:C2", "channel:C3"]
EVERYONE = Audience(scopes=frozenset({PUBLIC}))


def document(name: str, text: str, scope: str = PUBLIC) -> Document:
    return Document(uri=f"file:///{name}", title=name, text=text, scope=scope)


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scopes=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=6),
    audience=st.frozensets(st.sampled_from(SCOPES), min_size=1),
    mode=st.sampled_from(SearchMode),
)
def test_a_search_finds_exactly_what_the_audience_may_read(
    make_index: Callable[[], PassageIndex], scopes: list[str], audience: frozenset[str], mode: SearchMode
) -> None:
    async def found() -> set[str]:
        index = make_index()
        for number, scope in enumerate(scopes):
            await index.add(document(f"page-{number}", "The same words stand on every page.", scope))
        passages = await index.search("same words on a page", Audience(scopes=audience), limit=20, mode=mode)
        await index.close()
        return {passage.title for passage in passages}

    assert asyncio.run(found()) == {f"page-{number}" for number, scope in enumerate(scopes) if scope in audience}


async def test_a_foreign_passage_takes_no_place_of_one_that_may_be_read(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    for number in range(60):
        await index.add(document(f"private-{number}", "salary bands of the team", "channel:C1"))
    await index.add(document("public", "something about salary and other things"))
    assert [passage.title for passage in await index.search("salary bands", EVERYONE, limit=5)] == ["public"]


async def test_a_rare_word_is_found_by_its_letters(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(document("printers", "The printer on floor two is called Zweibrücken."))
    for number in range(5):
        await index.add(document(f"other-{number}", f"Something else about floor {number} and its printer."))
    assert (await index.search("Zweibrücken", EVERYONE, limit=3))[0].title == "printers"


async def test_each_mode_ranks_by_its_own_measure(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    # “tea” is on every page but one, so that by words the rare “printer” decides; by direction, the many teas do.
    await index.add(document("one", "printer"))
    for number in range(6):
        await index.add(document(f"page-{number}", "tea tea tea"))

    async def found(mode: SearchMode) -> list[Passage]:
        return await index.search("tea tea tea printer", EVERYONE, limit=7, mode=mode)

    dense, bm25, hybrid = [await found(mode) for mode in SearchMode]
    assert (dense[-1].title, bm25[0].title) == ("one", "one")
    assert [passage.similarity for passage in dense] == sorted((p.similarity for p in dense), reverse=True)
    # What both rankings hold is worth more than what stands first in one.
    assert hybrid[0].score > max(dense[0].score, bm25[0].score)


async def test_only_bm25_needs_a_common_word(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(document("Leave", "Twenty-eight days of holiday."))
    assert await index.search("vacation", EVERYONE, limit=3, mode=SearchMode.BM25) == []
    assert await index.search("the of and", EVERYONE, limit=3, mode=SearchMode.BM25) == []
    for mode in (SearchMode.DENSE, SearchMode.HYBRID):
        assert len(await index.search("vacation", EVERYONE, limit=3, mode=mode)) == 1


async def test_a_mode_that_is_not_known_is_refused(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(document("Leave", "holiday"))
    query = VectorStoreQuery(
        query_embedding=[1.0] * DIMENSIONS,
        query_str="x",
        similarity_top_k=1,
        filters=readable_by(EVERYONE),
        mode=VectorStoreQueryMode.MMR,
    )
    with pytest.raises(ValueError, match="MMR"):
        await index._store.aquery(query)


async def test_similarity_is_the_cosine_of_question_and_chunk(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(document("Leave", "holiday"))
    [passage] = await index.search("Leave holiday", EVERYONE, limit=1)
    assert passage.similarity == pytest.approx(1.0, abs=1e-4)


async def test_a_passage_carries_all_that_an_answer_cites(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    page = document("Leave", "# Holidays\n\nTwenty-eight days a year.")
    await index.add(page)
    [passage] = await index.search("days", EVERYONE, limit=1)
    assert (passage.document_id, passage.uri, passage.section) == (page.id, page.uri, "Holidays")
    assert (passage.text, passage.scope, passage.content_hash) == (
        "Twenty-eight days a year.",
        PUBLIC,
        index.content_hash(page),
    )


ALL = Audience(scopes=frozenset(SCOPES))
LIBRARY_OF_KINDS: dict[str, dict[str, Any]] = {
    "pdf": {
        "kind": "application/pdf",
        "author": "Anna Schmidt",
        "channel": "C7",
        "modified_at": datetime(2026, 5, 1, tzinfo=UTC),
    },
    "note": {
        "kind": "text/markdown",
        "author": "Ben Anna",
        "scope": "channel:C1",
        "modified_at": datetime(2026, 1, 1, tzinfo=UTC),
    },
    "bare": {},
}


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (SearchFilter(), {"pdf", "note", "bare"}),
        (SearchFilter(kinds=frozenset({"application/pdf"})), {"pdf"}),
        (SearchFilter(kinds=frozenset({"application/pdf", "text/markdown"})), {"pdf", "note"}),
        (SearchFilter(authors=frozenset({"anna"})), {"pdf", "note"}),
        (SearchFilter(authors=frozenset({"anna schmidt"})), {"pdf"}),
        (SearchFilter(channels=frozenset({"C1"})), {"note"}),
        (SearchFilter(channels=frozenset({"C7", "C1"})), {"pdf", "note"}),
        (SearchFilter(channels=frozenset({"C9"})), set()),
        (SearchFilter(since=datetime(2026, 1, 1, tzinfo=UTC)), {"pdf", "note"}),
        (SearchFilter(since=datetime(2026, 1, 2, tzinfo=UTC)), {"pdf"}),
        (SearchFilter(until=datetime(2026, 5, 1, tzinfo=UTC)), {"note"}),
        (SearchFilter(authors=frozenset({"anna"}), channels=frozenset({"C1"})), {"note"}),
    ],
)
async def test_a_filter_narrows_what_is_found_and_never_widens_it(
    make_index: Callable[[], PassageIndex], only: SearchFilter, found: set[str]
) -> None:
    index = make_index()
    for name, fields in LIBRARY_OF_KINDS.items():
        await index.add(replace(document(name, "The same words."), **fields))
    for audience in (ALL, EVERYONE):
        passages = await index.search("words", audience, limit=5, only=only)
        readable = {name for name in found if audience.may_read(LIBRARY_OF_KINDS[name].get("scope", PUBLIC))}
        assert {passage.title for passage in passages} == readable


async def test_a_filtered_passage_takes_no_place_of_one_that_matches(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    for number in range(60):
        await index.add(document(f"other-{number}", "salary bands of the team"))
    await index.add(replace(document("wanted", "something about salary"), kind="application/pdf"))
    only = SearchFilter(kinds=frozenset({"application/pdf"}))
    assert [found.title for found in await index.search("salary bands", EVERYONE, limit=5, only=only)] == ["wanted"]


async def test_where_a_document_is_from_is_not_embedded(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(replace(document("Leave", "holiday"), **LIBRARY_OF_KINDS["pdf"]))
    [passage] = await index.search("Leave holiday", EVERYONE, limit=1)
    assert passage.similarity == pytest.approx(1.0, abs=1e-4)


async def test_chunks_are_given_by_id_to_those_who_may_read_them(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    assert await index.chunks({chunk_id(document("Leave", "x").id, "h", 0)}, EVERYONE) == {}
    public, private = document("Leave", "days"), document("Pay", "days", "channel:C1")
    await index.add(public)
    await index.add(private)
    ids = {chunk_id(page.id, index.content_hash(page), number) for page in (public, private) for number in (0, 1)}
    assert [passage.title for passage in (await index.chunks(ids, EVERYONE)).values()] == ["Leave"]
    inside = Audience(scopes=frozenset({PUBLIC, "channel:C1"}))
    found = await index.chunks(ids, inside)
    assert {(known, passage.chunk_id, passage.number) for known, passage in found.items()} == {
        (first, first, 0) for page in (public, private) for first in [chunk_id(page.id, index.content_hash(page), 0)]
    }


async def test_words_unknown_to_the_index_do_not_fail(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    await index.add(document("Leave", "holiday"))
    assert len(await index.search("the 🙂 of", EVERYONE, limit=3)) == 1


async def test_an_empty_index_finds_nothing(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    assert await index.search("anything", EVERYONE, limit=3) == []
    assert await index.count("d3b0c6a2-0000-4000-8000-000000000000") == 0
    await index.remove("d3b0c6a2-0000-4000-8000-000000000000")


async def test_writing_a_version_twice_changes_nothing(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    page = document("Leave", "holiday")
    await index.add(page)
    await index.add(page)
    assert await index.count(page.id) == 1


async def test_chunks_of_many_documents_are_counted_at_once(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    pages = [document(f"Page {number}", f"text {number}") for number in range(30)]
    long = document("Long", " ".join(f"In year {year} everyone has holiday." for year in range(150)))
    absent = document("Absent", "text")
    for page in pages:
        await index.add(page)
    chunks = await index.add(long)
    wanted = {page.id: 1 for page in pages[1:]} | {long.id: chunks}
    assert chunks > 1
    assert await index.counts([*wanted, absent.id]) == wanted


async def test_removing_all_but_a_version_leaves_that_version(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    old, new = document("Leave", "thirty days"), document("Leave", "twenty-eight days")
    await index.add(old)
    await index.add(new)
    await index.remove(new.id, all_but=index.content_hash(new))
    assert [passage.text for passage in await index.search("days", EVERYONE, limit=5)] == ["twenty-eight days"]


async def test_removing_all_but_a_version_removes_the_same_text_cut_otherwise(
    make_store: Callable[[], PassageStore],
) -> None:
    store, embedding = make_store(), WordEmbedding()
    old = PassageIndex(store=store, embedding=embedding, chunk_tokens=80)
    new = PassageIndex(store=store, embedding=embedding, chunk_tokens=220)
    page = document("Leave", " ".join(f"In year {year} everyone has holiday." for year in range(150)))
    assert await old.add(page) > (chunks := await new.add(page))
    await new.remove(page.id, all_but=new.content_hash(page))
    assert await new.count(page.id) == chunks


async def test_removing_a_document_leaves_the_others(make_index: Callable[[], PassageIndex]) -> None:
    index = make_index()
    gone, kept = document("Gone", "days"), document("Kept", "days")
    await index.add(gone)
    await index.add(kept)
    await index.remove(gone.id)
    assert [passage.title for passage in await index.search("days", EVERYONE, limit=5)] == ["Kept"]


@pytest.mark.parametrize("filters", [None, MetadataFilters(filters=[])])
async def test_a_query_that_does_not_say_who_may_read_is_refused(
    make_store: Callable[[], PassageStore], make_index: Callable[[], PassageIndex], filters: MetadataFilters | None
) -> None:
    index = make_index()
    await index.add(document("Leave", "holiday"))
    query = VectorStoreQuery(query_embedding=[1.0] * DIMENSIONS, query_str="x", similarity_top_k=1, filters=filters)
    with pytest.raises(ValueError, match="filter|may read"):
        await index._store.aquery(query)


async def test_a_store_without_passages_still_asks_who_may_read(make_store: Callable[[], PassageStore]) -> None:
    query = VectorStoreQuery(query_embedding=[1.0] * DIMENSIONS, query_str="x", similarity_top_k=1)
    with pytest.raises(ValueError, match="may read"):
        await make_store().aquery(query)
    query.filters = readable_by(EVERYONE)
    assert (await make_store().aquery(query)).ids == []


async def test_a_store_is_copied_by_its_points(make_store: Callable[[], PassageStore]) -> None:
    store, copy = make_store(), make_store()
    index = PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=220)
    for number in range(5):
        await index.add(document(f"page-{number}", f"Number {number} of the pages."))
    first, following = await store.ids(None, 2)
    rest, end = await store.ids(following, 20)
    assert [len(first), len(rest), end] == [2, 3, None]
    assert [*first, *rest] == sorted({*first, *rest})
    await copy.put(await store.points([*first, *rest]))
    assert await copy.total() == await store.total() == 5
    stored, copied = await store.points(first), await copy.points(first)
    assert all(one.is_same_as(other) for one, other in zip(_sorted(stored), _sorted(copied), strict=True))
    await copy.drop(first)
    assert await copy.points(first) == []
    assert await copy.ids(None, 20) == (rest, None)


async def test_a_store_without_passages_has_no_points(make_store: Callable[[], PassageStore]) -> None:
    store = make_store()
    assert await store.ids(None, 5) == ([], None)
    assert await store.points([str(uuid.uuid4())]) == []
    assert await store.total() == 0
    await store.put([])
    assert await store.total() == 0


def _sorted(points: list[Point]) -> list[Point]:
    return sorted(points, key=lambda point: point.id)
