"""Documents taken in side by side: in order, each by itself, and none left behind."""

import asyncio
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE
from knowledge.errors import IndexUnavailable
from knowledge.library import Library
from tests.knowledge.fakes import index_of

PAGES = 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(PAGES):
        (folder / f"{number}.md").write_text(f"# Page {number}\n\nRule {number}.\n")
    return folder


async def test_one_document_is_written_while_the_next_ones_are_read_and_the_order_stays(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(library)
    add, under_way, most = index.add, 0, 0

    async def slowly(document: object) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        # The first ones take the longest.
        await asyncio.sleep(0.05 if "0" in str(document) else 0.02)
        under_way -= 1
        return await add(document)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "add", slowly)
    results = [result async for result in library.ingest(str(folder), "public")]
    assert [(result.title, result.status) for result in results] == [(f"Page {n}", "added") for n in range(PAGES)]
    assert 1 < most <= 4


async def test_document_that_fails_stops_no_other(library: Library, folder: Path) -> None:
    (folder / "3.md").write_text("")
    results = [result async for result in library.ingest(str(folder), "public")]
    assert [result.status for result in results] == ["added"] * 3 + ["failed"] + ["added"] * 5


async def test_index_that_fails_ends_all_that_is_under_way(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> int:
        raise IndexUnavailable("The index is full")

    before = asyncio.all_tasks()
    with monkeypatch.context() as patch:
        patch.setattr(index_of(library), "add", fail)
        with pytest.raises(IndexUnavailable, match="is full"):
            _ = [result async for result in library.ingest(str(folder), "public")]
    assert asyncio.all_tasks() == before
    assert await library.documents(EVERYONE) == []


async def test_the_same_document_handed_over_twice_at_once_is_there_once(library: Library) -> None:
    upload = {"data": b"# Tea\n\nTea is at four.", "name": "tea.md", "uri": "https://slack.test/F1", "scope": "public"}
    results = await asyncio.gather(*(library.ingest_bytes(**upload) for _ in range(4)))
    assert sorted(result.status for [result] in results) == ["added", "unchanged", "unchanged", "unchanged"]
    [entry] = await library.documents(EVERYONE)
    assert await index_of(library).count(entry.id) == entry.chunks == 1
