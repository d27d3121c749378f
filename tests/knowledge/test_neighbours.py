"""Neighbours merged back at answer time, through the real embedded index."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from knowledge.audience import EVERYONE, NOBODY, parse_audience
from knowledge.chunking import as_node
from knowledge.documents import Document, Passage, chunk_id
from knowledge.index import PassageIndex
from knowledge.layout import PassageStore
from knowledge.library import Library
from knowledge.neighbours import neighbours_of, widen
from tests.knowledge.fakes import WordEmbedding, index_of

DOCUMENT_ID = "5b2c1c34-5d0e-4a27-9a77-0d6c8e6b7f10"


def sentences(topic: str, number: int) -> str:
    return " ".join(f"The {topic} of step {n} is said here in some words." for n in range(number))


async def take_in(library: Library, folder: Path, text: str, scope: str = "public") -> None:
    page = folder / "page.md"
    page.write_text(text)
    [result] = [result async for result in library.ingest(str(page), scope)]
    assert result.error is None


@pytest.fixture
def make_index(make_store: Callable[[], PassageStore]) -> Callable[[], PassageIndex]:
    """Of chunks so small that a page has many."""
    return lambda: PassageIndex(store=make_store(), embedding=WordEmbedding(), chunk_tokens=80)


async def test_without_a_budget_each_passage_is_a_chunk(library: Library, tmp_path: Path) -> None:
    await take_in(library, tmp_path, f"# Tea\n\n{sentences('kettle', 30)}")
    found = await library.search("kettle", EVERYONE, limit=20)
    assert len(found) > 3
    assert all(passage.parts == () for passage in found)


async def test_neighbouring_hits_become_one_passage_in_reading_order(library: Library, tmp_path: Path) -> None:
    text = sentences("kettle", 30)
    await take_in(library, tmp_path, f"# Tea\n\n{text}")
    [passage] = await library.search("kettle", EVERYONE, limit=20, widen_to=10_000)
    assert " ".join(passage.text.split()) == text
    assert passage.chunk_id in {part.chunk_id for part in passage.parts}


async def test_a_short_hit_is_widened_by_neighbours_that_were_no_hits(library: Library, tmp_path: Path) -> None:
    text = f"{sentences('kettle', 12)} The zebra waits. {sentences('saucer', 12)}"
    await take_in(library, tmp_path, f"# Tea\n\n{text}")
    [chunk] = await library.search("zebra", EVERYONE, limit=1)
    [passage] = await library.search("zebra", EVERYONE, limit=1, widen_to=700)
    assert len(chunk.text) < len(passage.text) <= 700
    assert passage.chunk_id == chunk.chunk_id
    assert chunk.text in passage.text
    assert " ".join(passage.text.split()) in text


async def test_a_hit_is_not_widened_beyond_its_section(library: Library, tmp_path: Path) -> None:
    others = f"# Cups\n\n{sentences('saucer', 10)}\n\n# Zoo\n\nThe zebra waits.\n\n# Pots\n\n{sentences('kettle', 10)}"
    await take_in(library, tmp_path, others.replace("The zebra waits.", sentences("zebra", 5)))
    [passage, *_] = await library.search("zebra", EVERYONE, limit=1, widen_to=420)
    assert passage.section == "Zoo"
    assert "saucer" not in passage.text
    assert "kettle" not in passage.text


async def test_neighbouring_hits_of_two_sections_keep_their_headings(library: Library, tmp_path: Path) -> None:
    text = f"## Cups\n\n{sentences('zebra', 5)}\n\n## Pots\n\n{sentences('zebra', 5)}"
    await take_in(library, tmp_path, f"# Tea\n\nAn introduction of its own. {sentences('hall', 5)}\n\n{text}")
    [passage] = await library.search("zebra", EVERYONE, limit=20, widen_to=20_000)
    assert passage.section == ""
    assert passage.text.endswith(f"Cups\n{sentences('zebra', 5)}\n\nPots\n{sentences('zebra', 5)}")


async def test_a_quote_points_to_the_chunk_it_comes_from(library: Library, tmp_path: Path) -> None:
    await take_in(library, tmp_path, f"# Tea\n\n{sentences('kettle', 30)}")
    [passage] = await library.search("kettle", EVERYONE, limit=20, widen_to=10_000)
    for part in passage.parts:
        assert passage.chunk_holding(part.text) == part.chunk_id
    assert len({part.chunk_id for part in passage.parts}) > 3
    assert passage.chunk_holding("words that stand nowhere") == passage.chunk_id


async def test_chunks_by_id_are_those_the_audience_may_read(library: Library, tmp_path: Path) -> None:
    await take_in(library, tmp_path, f"# Tea\n\n{sentences('kettle', 30)}", "channel:C1")
    inside = parse_audience("channel:C1")
    [passage] = await library.search("kettle", inside, limit=20, widen_to=10_000)
    ids = {part.chunk_id for part in passage.parts}
    assert (await library._index.chunks(ids, inside)).keys() == ids
    assert await library._index.chunks(ids, EVERYONE) == {}
    assert await library._index.chunks(ids, parse_audience("channel:C2")) == {}
    assert await library.search("kettle", NOBODY, widen_to=10_000) == []


async def test_an_index_without_numbers_answers_as_before(library: Library, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    document = Document(uri=page.as_uri(), title="Tea", text=sentences("kettle", 60), scope="public")
    index = index_of(library)
    nodes = index._embedding(index._chunker([as_node(document, content_hash="0" * 64)]))
    for node in nodes:
        del node.metadata["number"]
    await index_of(library).store.async_add(nodes)
    await library._catalogue.put(document, content_hash="0" * 64, chunks=len(nodes))
    found = await library.search("kettle", EVERYONE, limit=20, widen_to=10_000)
    assert len(found) == len(nodes) > 1
    assert all(passage.number is None for passage in found)


def chunk(number: int, text: str, section: str, *, score: float = 0.5) -> Passage:
    return Passage(
        chunk_id=chunk_id(DOCUMENT_ID, "h", number),
        document_id=DOCUMENT_ID,
        title="Tea",
        uri="u",
        section=section,
        text=text,
        scope="public",
        content_hash="h",
        score=score,
        similarity=score,
        number=number,
    )


_CHUNKS = st.lists(
    st.builds(lambda size, section: ("x" * size, section), st.integers(1, 300), st.sampled_from(["", "A", "A › B"])),
    min_size=1,
    max_size=12,
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(_CHUNKS, st.data())
def test_no_passage_is_over_its_budget_and_no_chunk_is_lost_or_shown_twice(
    drawn: list[tuple[str, str]], data: st.DataObject
) -> None:
    chunks = [chunk(number, text, section) for number, (text, section) in enumerate(drawn)]
    hits = data.draw(st.lists(st.sampled_from(chunks), unique_by=lambda each: each.chunk_id, min_size=1))
    widen_to = data.draw(st.integers(1, 1500))
    wanted = neighbours_of(hits, widen_to=widen_to)
    neighbours = {each.chunk_id: each for each in chunks if each.chunk_id in wanted}
    widened = widen(hits, neighbours, widen_to=widen_to)
    parts = [part.chunk_id for each in widened for part in each.parts] + [
        each.chunk_id for each in widened if not each.parts
    ]
    assert len(parts) == len(set(parts))
    assert {hit.chunk_id for hit in hits} <= set(parts)
    assert all(len(each.text) <= widen_to for each in widened if each.parts)
    assert [each.chunk_id for each in widened] == [
        h.chunk_id for h in hits if h.chunk_id in {w.chunk_id for w in widened}
    ]
