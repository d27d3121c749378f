"""What has not changed is known by its bytes: it is not read again, unless something else would come of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from knowledge.documents import IngestResult, Origin
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.tables import documents
from tests.knowledge.fakes import index_of

Unread = Callable[[], AbstractContextManager[None]]


async def ingest(library: Library, place: Path, scope: str = "public") -> list[IngestResult]:
    return [result async for result in library.ingest(str(place), scope)]


async def statuses(library: Library, place: Path, scope: str = "public") -> list[str]:
    return [result.status for result in await ingest(library, place, scope)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("coffee", "tea"):
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\nThere is {name} at four.\n")
    return folder


@pytest.fixture
def unread(library: Library, monkeypatch: pytest.MonkeyPatch) -> Unread:
    """Within it, whatever is parsed fails the test."""

    async def read(*_: object, **__: object) -> None:
        raise AssertionError("it was read")

    @contextmanager
    def within() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(library._parser, "parse", read)
            yield

    return within


async def test_unchanged_files_are_not_read_again(library: Library, folder: Path, unread: Unread) -> None:
    first = await ingest(library, folder)
    with unread():
        again = await ingest(library, folder)
    assert again == [replace(result, status="unchanged") for result in first]


async def test_only_the_changed_file_of_a_folder_is_taken_in_again(library: Library, folder: Path) -> None:
    await ingest(library, folder)
    (folder / "tea.md").write_text("# Tea\n\nThere is tea at five.\n")
    (folder / "water.md").write_text("# Water\n\nThere is water.\n")
    assert await statuses(library, folder) == ["unchanged", "updated", "added"]
    [passage, *_] = await library.search("When is tea?", EVERYONE)
    assert passage.text == "There is tea at five."


async def test_unchanged_file_of_a_place_that_is_read_again_is_not_read(
    library: Library, folder: Path, unread: Unread
) -> None:
    await ingest(library, folder)
    [place] = await library.places(str(folder), EVERYONE)
    (folder / "tea.md").unlink()
    with unread():
        results = [result async for result in library.refresh_place(place)]
    assert [(Path(result.uri).name, result.status) for result in results] == [
        ("coffee.md", "unchanged"),
        ("tea.md", "failed"),
    ]


async def test_unchanged_upload_is_not_read_again(library: Library, unread: Unread) -> None:
    upload = {"data": b"Tea is at four.", "name": "tea.txt", "uri": "https://slack.test/F1", "scope": "channel:C1"}
    await library.ingest_bytes(**upload)
    with unread():
        [again] = await library.ingest_bytes(**upload)
    assert (again.status, again.title) == ("unchanged", "tea")


async def test_same_bytes_of_another_name_get_their_new_title(library: Library) -> None:
    upload = {"data": b"Tea is at four.", "uri": "https://slack.test/F1", "scope": "channel:C1"}
    await library.ingest_bytes(name="tea.txt", **upload)
    [again] = await library.ingest_bytes(name="tea time.txt", **upload)
    assert (again.status, again.title) == ("updated", "tea time")


async def test_same_bytes_for_other_readers_are_another_document(library: Library, folder: Path) -> None:
    await ingest(library, folder)
    assert await statuses(library, folder, "channel:C1") == ["added", "added"]
    [coffee, _] = await ingest(library, folder, "channel:C1")
    assert (coffee.status, "stays readable by everyone" in (coffee.error or "")) == ("unchanged", True)


async def test_another_parser_reads_the_same_bytes_again(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest(library, folder)
    parse = library._parser.parse

    async def read_otherwise(*args: object, **named: object) -> object:
        return replace(await parse(*args, **named), title="Read otherwise")  # type: ignore[arg-type]

    monkeypatch.setattr(library._parser, "parse", read_otherwise)
    assert await statuses(library, folder) == ["unchanged", "unchanged"]
    monkeypatch.setattr(Parser, "way_of_reading", "another")
    assert [(result.status, result.title) for result in await ingest(library, folder)] == [
        ("updated", "Read otherwise"),
        ("updated", "Read otherwise"),
    ]


async def test_what_another_parser_reads_alike_is_known_from_then_on(
    library: Library, folder: Path, unread: Unread, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest(library, folder)
    monkeypatch.setattr(Parser, "way_of_reading", "another")
    assert await statuses(library, folder) == ["unchanged", "unchanged"]
    with unread():
        assert await statuses(library, folder) == ["unchanged", "unchanged"]


async def test_what_was_taken_in_before_its_bytes_were_named_is_read_once_more(
    library: Library, folder: Path, unread: Unread, engine: AsyncEngine
) -> None:
    await ingest(library, folder)
    async with engine.begin() as connection:
        await connection.execute(update(documents).values(fingerprint=""))
    with pytest.raises(AssertionError, match="it was read"), unread():
        await ingest(library, folder)
    assert await statuses(library, folder) == ["unchanged", "unchanged"]
    with unread():
        assert await statuses(library, folder) == ["unchanged", "unchanged"]


async def test_unchanged_file_that_the_index_lost_is_written_again(library: Library, folder: Path) -> None:
    await ingest(library, folder)
    [tea] = [entry for entry in await library.documents(EVERYONE) if entry.title == "Tea"]
    await index_of(library).remove(tea.id)
    assert await statuses(library, folder) == ["unchanged", "updated"]
    assert "There is tea at four." in [hit.text for hit in await library.search("When is tea?", EVERYONE)]


async def test_unchanged_file_that_was_missed_is_there_again(library: Library, folder: Path) -> None:
    await ingest(library, folder)
    for entry in await library.documents(EVERYONE):
        await library._catalogue.missed(entry.id, datetime.now(UTC))
    assert await statuses(library, folder) == ["unchanged", "unchanged"]
    assert [entry.missing_since for entry in await library.documents(EVERYONE)] == [None, None]


async def test_unchanged_file_that_a_person_took_out_comes_back_when_it_is_handed_over_again(
    library: Library, folder: Path
) -> None:
    await ingest(library, folder)
    [tea] = [entry for entry in await library.documents(EVERYONE) if entry.title == "Tea"]
    await library.remove(tea.id)
    assert await statuses(library, folder) == ["unchanged", "added"]


async def test_text_that_another_file_held_does_not_count_as_read(library: Library, folder: Path) -> None:
    await ingest(library, folder)
    tea, coffee = (folder / "tea.md").read_text(), (folder / "coffee.md").read_text()
    (folder / "tea.md").write_text(coffee)
    (folder / "coffee.md").write_text(tea)
    assert [(result.status, result.title) for result in await ingest(library, folder)] == [
        ("updated", "Tea"),
        ("updated", "Coffee"),
    ]


async def test_place_is_kept_current_where_all_of_it_was_known_before(library: Library, folder: Path) -> None:
    await library.ingest_bytes(
        (folder / "tea.md").read_bytes(),
        name="tea.md",
        uri=(folder / "tea.md").as_uri(),
        scope="public",
        origin=Origin(),
    )
    (folder / "coffee.md").unlink()
    assert await statuses(library, folder) == ["unchanged"]
    assert [place.place for place in await library._register.due(datetime.max.replace(tzinfo=UTC))] == [str(folder)]
