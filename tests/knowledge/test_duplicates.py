"""Copies of a passage are shown once, through the real embedded index."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE, PUBLIC, parse_audience
from knowledge.documents import Document
from knowledge.library import Library

TEXT = " ".join(f"Point {n}: a plate goes back to the kitchen after lunch, and a cup to its shelf." for n in range(6))
INSIDE = parse_audience("channel:C1")


async def put(library: Library, uri: str, text: str = TEXT, *, year: int | None = None, **fields: str) -> None:
    modified_at = None if year is None else datetime(year, 1, 1, tzinfo=UTC)
    document = Document(uri=uri, text=text, modified_at=modified_at, **({"title": "Kitchen", "scope": PUBLIC} | fields))
    content_hash = library._index.content_hash(document)
    await library._catalogue.put(document, content_hash=content_hash, chunks=await library._index.add(document))


async def uris(library: Library, query: str = "Where does a plate go?") -> list[str]:
    return [passage.uri for passage in await library.search(query, INSIDE)]


async def test_of_two_copies_the_newest_is_shown(library: Library) -> None:
    await put(library, "file:///old", year=2024)
    await put(library, "file:///new", year=2026)
    await put(library, "file:///undated")
    assert await uris(library) == ["file:///new"]


async def test_a_copy_with_a_few_other_words_is_a_copy(library: Library) -> None:
    await put(library, "file:///old", year=2024)
    await put(library, "file:///new", TEXT.replace("Point 5: a plate", "Point 5: each plate"), year=2026)
    assert await uris(library) == ["file:///new"]


async def test_a_copy_that_opens_in_a_browser_goes_before_a_newer_file(library: Library) -> None:
    await put(library, "file:///new", year=2026)
    await put(library, "https://handbook.example/kitchen", year=2024)
    assert await uris(library) == ["https://handbook.example/kitchen"]


async def test_of_equal_copies_the_one_that_everyone_may_read_is_shown(library: Library) -> None:
    await put(library, "file:///same", scope="channel:C1")
    await put(library, "file:///same", scope=PUBLIC)
    [passage] = await library.search("Where does a plate go?", INSIDE)
    assert passage.scope == PUBLIC


async def test_a_copy_that_may_not_be_read_hides_none_that_may(library: Library) -> None:
    await put(library, "https://handbook.example/kitchen", year=2026, scope="channel:C2")
    await put(library, "file:///old", year=2024)
    assert await uris(library) == ["file:///old"]


async def test_passages_with_other_figures_are_both_shown(library: Library) -> None:
    await put(library, "file:///old", f"{TEXT} It costs 20 euros.", year=2024)
    await put(library, "file:///new", f"{TEXT} It costs 30 euros.", year=2026)
    assert sorted(await uris(library)) == ["file:///new", "file:///old"]


async def test_the_same_words_under_two_headings_are_both_shown(library: Library) -> None:
    await put(library, "file:///page", f"## Cups\n\n{TEXT * 3}\n\n## Pots\n\n{TEXT * 3}")
    sections = {passage.section for passage in await library.search("Where does a plate go?", EVERYONE)}
    assert sections == {"Cups", "Pots"}


@pytest.mark.parametrize(("query", "shown"), [("plate in Berlin", 2), ("plate in the kitchen", 1)])
async def test_passages_that_differ_in_what_was_asked_are_both_shown(library: Library, query: str, shown: int) -> None:
    await put(library, "file:///berlin", f"{TEXT} So it is in Berlin.", year=2024)
    await put(library, "file:///paris", f"{TEXT} So it is in Paris.", year=2026)
    assert len(await uris(library, query)) == shown


async def test_copies_take_no_places_of_other_passages(library: Library) -> None:
    for number in range(30):
        await put(library, f"file:///copy-{number}", "A plate goes back to the kitchen.")
    await put(library, "file:///other", "A plate is washed by hand, says the cook, and dried.")
    found = await library.search("A plate goes back to the kitchen", EVERYONE, limit=2)
    assert [passage.uri == "file:///other" for passage in found] == [False, True]


async def test_a_file_is_as_old_as_it_says(library: Library, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(TEXT)
    os.utime(page, (1_700_000_000, 1_700_000_000))
    assert [result.status async for result in library.ingest(str(page), PUBLIC)] == ["added"]
    [passage] = await library.search("plate", EVERYONE)
    assert passage.modified_at == datetime.fromtimestamp(1_700_000_000, UTC)
