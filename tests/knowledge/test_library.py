import hashlib
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE, NOBODY, parse_audience
from knowledge.catalogue import Catalogue
from knowledge.chunking import as_node
from knowledge.documents import Document, IngestResult, Origin
from knowledge.errors import IndexUnavailable, InvalidScope
from knowledge.filters import SearchFilter
from knowledge.index import PassageIndex
from knowledge.library import Library, open_library
from knowledge.settings import KnowledgeSettings
from tests.knowledge.fakes import WordEmbedding, index_of


async def ingest(library: Library, place: Path | str, scope: str = "public") -> list[IngestResult]:
    return [result async for result in library.ingest(str(place), scope)]


async def texts(library: Library, query: str, audience: str = "public") -> list[str]:
    return [passage.text for passage in await library.search(query, parse_audience(audience))]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "leave.md"
    page.write_text("# Leave\n\nEveryone has twenty-eight days of holiday.\n")
    return page


async def test_a_page_taken_in_is_found(library: Library, page: Path) -> None:
    [result] = await ingest(library, page)
    assert (result.status, result.title, result.chunks, result.error) == ("added", "Leave", 1, None)
    assert await texts(library, "How many days of holiday?") == ["Everyone has twenty-eight days of holiday."]


async def test_the_same_page_twice_changes_nothing(library: Library, page: Path) -> None:
    await ingest(library, page)
    [again] = await ingest(library, page)
    assert (again.status, again.chunks) == ("unchanged", 1)
    assert await library.count(EVERYONE) == 1


async def test_a_changed_page_replaces_its_old_version(library: Library, page: Path) -> None:
    await ingest(library, page)
    page.write_text("# Leave\n\nEveryone has thirty days of holiday.\n")
    [result] = await ingest(library, page)
    assert result.status == "updated"
    assert await texts(library, "How many days of holiday?") == ["Everyone has thirty days of holiday."]


async def test_a_page_taken_in_alone_is_the_same_in_its_folder(library: Library, page: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    await ingest(library, tmp_path / "work" / ".." / page.name)
    page.write_text("# Leave\n\nEveryone has thirty days of holiday.\n")
    [result] = await ingest(library, tmp_path)
    assert result.status == "updated"
    assert await texts(library, "How many days of holiday?") == ["Everyone has thirty days of holiday."]


async def test_the_old_version_answers_until_the_new_one_is_complete(
    library: Library, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest(library, page)

    async def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    page.write_text("# Leave\n\nEveryone has thirty days of holiday.\n")
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "put", die)
        with pytest.raises(RuntimeError, match="killed"):
            await ingest(library, page)
    assert await texts(library, "days of holiday") == ["Everyone has twenty-eight days of holiday."]
    await ingest(library, page)
    assert await texts(library, "days of holiday") == ["Everyone has thirty days of holiday."]


async def test_chunks_left_by_a_killed_run_go_with_the_next(library: Library, page: Path) -> None:
    [_] = await ingest(library, page)
    [passage] = await library.search("holiday", EVERYONE)
    await library._index.remove(passage.document_id)
    [again] = await ingest(library, page)
    assert again.status == "updated"
    assert len(await texts(library, "holiday")) == 1


async def test_chunks_left_by_a_killed_run_hide_no_other_document(library: Library, page: Path) -> None:
    await ingest(library, page)
    orphan = Document(uri="file:///orphan.md", title="Leave", text="How many days of holiday? " * 3000, scope="public")
    assert await library._index.add(orphan) > 60
    assert await texts(library, "How many days of holiday?") == ["Everyone has twenty-eight days of holiday."]


async def test_a_known_page_is_cut_anew_when_the_length_of_chunks_changed(library: Library, page: Path) -> None:
    page.write_text("# Leave\n\n" + " ".join(f"In year {year} everyone has holiday." for year in range(150)))
    [first] = await ingest(library, page)
    lengths = [first.chunks]
    for chunk_tokens in (80, 220):
        library._writer.index = PassageIndex(
            store=index_of(library).store, embedding=WordEmbedding(), chunk_tokens=chunk_tokens
        )
        [passage, *_] = await library.search("holiday", EVERYONE)
        [result] = await ingest(library, page)
        assert (result.status, await library._index.count(passage.document_id)) == ("updated", result.chunks)
        assert len(await library.search("holiday", EVERYONE, limit=50)) == result.chunks
        [again] = await ingest(library, page)
        assert (again.status, again.chunks) == ("unchanged", result.chunks)
        lengths.append(result.chunks)
    assert lengths[0] == lengths[2] < lengths[1]


async def test_chunks_without_their_length_in_the_version_answer_until_the_page_is_taken_in_again(
    library: Library, page: Path
) -> None:
    text = "# Leave\n\nEveryone has twenty-eight days of holiday."
    page.write_text(text)
    document = Document(uri=page.as_uri(), title="Leave", text=text, scope="public")
    version = hashlib.sha256(f"Leave\n{text}".encode()).hexdigest()
    index = index_of(library)
    nodes = index._embedding(index._chunker([as_node(document, content_hash=version)]))
    await index_of(library).store.async_add(nodes)
    await library._catalogue.put(document, content_hash=version, chunks=len(nodes))
    assert await texts(library, "days of holiday") == ["Everyone has twenty-eight days of holiday."]
    [result] = await ingest(library, page)
    assert (result.status, await library._index.count(document.id)) == ("updated", result.chunks)
    assert await texts(library, "days of holiday") == ["Everyone has twenty-eight days of holiday."]


async def test_private_document_never_reaches_public_channel(library: Library, page: Path) -> None:
    await ingest(library, page, "channel:C1")
    assert await texts(library, "days of holiday", "public") == []
    assert await texts(library, "days of holiday", "channel:C2") == []
    assert len(await texts(library, "days of holiday", "channel:C1")) == 1
    assert await library.count(EVERYONE) == 0


async def test_the_same_page_may_be_private_in_one_place_and_public_in_another(library: Library, page: Path) -> None:
    await ingest(library, page, "channel:C1")
    [result] = await ingest(library, page, "public")
    assert result.status == "added"
    assert await library.count(parse_audience("channel:C1")) == 2


async def test_a_page_made_private_says_that_its_public_copy_stays_readable(library: Library, page: Path) -> None:
    [private] = await ingest(library, page, "channel:C1")
    assert private.error is None
    await ingest(library, page, "public")
    [again] = await ingest(library, page, "channel:C1")
    assert (again.status, again.chunks) == ("unchanged", 1)
    assert "everyone" in (again.error or "")


async def test_nobody_finds_nothing(library: Library, page: Path) -> None:
    await ingest(library, page)
    assert await library.search("holiday", NOBODY) == []
    assert await library.count(NOBODY) == 0


async def test_a_removed_document_is_gone(library: Library, page: Path) -> None:
    await ingest(library, page)
    [passage] = await library.search("holiday", EVERYONE)
    assert await library.remove(passage.document_id)
    assert not await library.remove(passage.document_id)
    assert await library.search("holiday", EVERYONE) == []
    assert await library.count(EVERYONE) == 0


async def test_one_bad_file_does_not_stop_the_others(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-1.4 nothing of the kind")
    (folder / "b.md").write_text("")
    (folder / "c.txt").write_text("Tea is at four.")
    results = await ingest(library, folder)
    assert [result.status for result in results] == ["failed", "failed", "added"]
    assert results[0].error is not None
    assert "damaged" in results[0].error
    assert results[1].error == "“b.md” is empty"


async def test_a_page_of_headings_alone_is_found(library: Library, tmp_path: Path) -> None:
    (tmp_path / "wifi.md").write_text("# Wi-Fi\n\n## The guest password is tulip-42\n")
    [result] = await ingest(library, tmp_path / "wifi.md")
    assert (result.status, result.chunks) == ("added", 1)
    assert await texts(library, "guest password") == ["The guest password is tulip-42"]


async def test_a_page_without_a_word_to_search_is_no_document(library: Library, tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text("# **\n")
    [result] = await ingest(library, tmp_path / "empty.md")
    assert (result.status, result.chunks) == ("failed", 0)
    assert "holds no text" in (result.error or "")
    assert await library.count(EVERYONE) == 0


async def test_an_unknown_scope_reads_nothing(library: Library, page: Path) -> None:
    with pytest.raises(InvalidScope):
        await ingest(library, page, "everybody")
    with pytest.raises(InvalidScope):
        await library.ingest_bytes(b"x", name="x.txt", uri="slack:F1", scope="")
    assert await library.count(EVERYONE) == 0


@pytest.mark.parametrize(
    "place",
    [
        "/no/such/file.md",
        "",
        "a\0b.md",
        "http://127.0.0.1:9/x.md",
        "http://no-such-host.invalid/",
        "ftp://example.com/",
    ],
)
async def test_a_place_that_is_none_gives_one_sentence(library: Library, place: str) -> None:
    [result] = await ingest(library, place)
    assert result.status == "failed"
    assert result.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
async def test_a_file_that_may_not_be_read_says_so(library: Library, page: Path) -> None:
    page.chmod(0)
    [result] = await ingest(library, page)
    assert "permissions" in (result.error or "")


async def test_an_upload_is_found_under_its_own_address(library: Library) -> None:
    [result] = await library.ingest_bytes(b"Tea is at four.", name="tea.txt", uri="slack:F123", scope="channel:C1")
    assert (result.status, result.title) == ("added", "tea")
    [passage] = await library.search("tea", parse_audience("channel:C1"))
    assert passage.uri == "slack:F123"


async def test_an_upload_over_the_limit_is_refused(library: Library) -> None:
    library._writer._settings = KnowledgeSettings(max_document_bytes=4)
    [result] = await library.ingest_bytes(b"12345", name="tea.txt", uri="slack:F123", scope="public")
    assert (result.status, result.error) == ("failed", "“tea.txt” is larger than 4 bytes")


@pytest.mark.parametrize("query", ["", "   ", "🙂🙂", "\0", "?!", "\ud83d"])
async def test_a_query_without_a_word_finds_nothing(library: Library, page: Path, query: str) -> None:
    await ingest(library, page)
    assert await library.search(query, EVERYONE) == []


async def test_a_very_long_query_and_a_nul_byte_do_no_harm(library: Library, page: Path) -> None:
    await ingest(library, page)
    assert len(await library.search("holiday " * 12_500, EVERYONE)) == 1
    assert len(await library.search("holi\0day days", EVERYONE)) == 1


async def test_a_limit_is_kept(library: Library, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"Tea is at {number}.")
        await ingest(library, tmp_path / f"{number}.txt")
    assert len(await library.search("tea", EVERYONE, limit=3)) == 3
    assert await library.search("tea", EVERYONE, limit=0) == []


async def test_a_library_opens_once(engine: AsyncEngine, settings: KnowledgeSettings) -> None:
    library = await open_library(settings, engine)
    with pytest.raises(IndexUnavailable, match="in use by process"):
        await open_library(settings, engine)
    await library.close()
    await (await open_library(settings, engine)).close()


def _zip(path: Path, **files: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.md", text)


async def test_each_document_of_an_archive_is_found_under_its_own_place(library: Library, tmp_path: Path) -> None:
    archive = tmp_path / "docs.zip"
    _zip(archive, leave="# Leave\n\nThirty days.", tea="# Tea\n\nAt four.")
    results = await ingest(library, archive)
    assert [(result.title, result.status) for result in results] == [("Leave", "added"), ("Tea", "added")]
    [passage, *_] = await library.search("four", EVERYONE)
    assert passage.uri == f"{archive.as_uri()}#tea.md"
    _zip(archive, leave="# Leave\n\nThirty days.", tea="# Tea\n\nAt five.")
    assert [result.status for result in await ingest(library, tmp_path)] == ["unchanged", "updated"]


async def test_an_uploaded_archive_is_read_too(library: Library, tmp_path: Path) -> None:
    _zip(tmp_path / "docs.zip", leave="Thirty days.", tea="At four.")
    data = (tmp_path / "docs.zip").read_bytes()
    results = await library.ingest_bytes(data, name="docs.zip", uri="slack:F1", scope="public")
    assert [result.uri for result in results] == ["slack:F1#leave.md", "slack:F1#tea.md"]


async def test_a_file_that_is_no_archive_but_named_so_gives_one_sentence(library: Library, tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_text("no archive")
    [result] = await ingest(library, tmp_path)
    assert (result.status, result.error) == ("failed", "“docs.zip” is damaged, or is no zip archive")


async def test_an_archive_over_the_limit_is_not_opened(library: Library, tmp_path: Path) -> None:
    _zip(tmp_path / "docs.zip", leave="Thirty days.")
    library._collector._settings = KnowledgeSettings(place_max_bytes=20)
    [result] = await ingest(library, tmp_path / "docs.zip")
    assert result.error == "“docs.zip” is larger than 20 bytes"


_IN_OPS = SearchFilter(channels=frozenset({"C1"}))


async def test_public_document_is_found_in_the_channel_in_which_it_was_first_added(library: Library) -> None:
    async def add(text: str, channel: str) -> None:
        origin = Origin(added_in=channel)
        await library.ingest_bytes(
            text.encode(), name="page.txt", uri="https://a.example/", scope="public", origin=origin
        )

    async def found(only: SearchFilter) -> list[str]:
        return [passage.text for passage in await library.search("deploy", EVERYONE, only=only)]

    await add("We deploy on Monday.", "C1")
    assert await found(_IN_OPS) == ["We deploy on Monday."]
    await add("We deploy on Tuesday.", "C2")
    assert await found(_IN_OPS) == ["We deploy on Tuesday."]
    [entry] = await library.documents(EVERYONE)
    await library.refresh(entry, b"We deploy on Friday.", name="page.txt")
    assert await found(_IN_OPS) == ["We deploy on Friday."]
    assert await found(SearchFilter(channels=frozenset({"C2"}))) == []


async def test_what_is_read_at_a_place_may_be_learnt_from_and_stays_so(library: Library, page: Path) -> None:
    await ingest(library, page.parent)
    page.with_name("pay.md").write_text("# Pay\n\nHoliday is paid.\n")
    page.write_text("# Leave\n\nEveryone has thirty days of holiday.\n")
    async for _ in library.refresh_place((await library.places_due(datetime.max.replace(tzinfo=UTC)))[0]):
        pass
    found = await library.search("holiday", EVERYONE)
    assert sorted((passage.text, passage.overheard) for passage in found) == [
        ("Everyone has thirty days of holiday.", False),
        ("Holiday is paid.", False),
    ]


async def test_of_what_else_is_handed_over_each_version_is_overheard_unless_its_origin_says_otherwise(
    library: Library,
) -> None:
    async def overheard(text: str, origin: Origin | None) -> bool:
        if origin is None:
            [entry] = await library.documents(EVERYONE)
            await library.refresh(entry, text.encode(), name="a.txt")
        else:
            await library.ingest_bytes(
                text.encode(), name="a.txt", uri="https://s.example/a", scope="public", origin=origin
            )
        [passage] = await library.search("deploy", EVERYONE, widen_to=1_000)
        assert passage.text == text
        return passage.overheard

    assert await overheard("We deploy on Monday.", Origin())
    assert await overheard("We deploy on Tuesday.", None)
    assert not await overheard("We deploy on Wednesday.", Origin(overheard=False))
    assert not await overheard("We deploy on Thursday.", None)
    assert await overheard("We deploy on Friday.", Origin(overheard=True))


async def test_text_handed_over_as_a_document_is_found_by_its_place_and_replaced_whole(library: Library) -> None:
    def thread(text: str) -> Document:
        return Document(uri="https://slack.example/p1", title="Deploys", text=text, scope="channel:C1", author="Ada")

    origin = Origin(place="thread:C1:1", added_by="U1", added_in="C1", ingest_id="w1")
    assert (await library.ingest_text(thread("We deploy on Monday."), origin)).status == "added"
    assert (await library.ingest_text(thread("We deploy on Friday."), origin)).status == "updated"
    assert await texts(library, "deploy") == []
    assert await texts(library, "deploy", "channel:C1") == ["We deploy on Friday."]
    [entry] = await library.from_places("thread:C1:1", "thread:C1:2")
    assert (entry.title, entry.origin) == ("Deploys", origin)
    assert await library.from_places_below("thread:C1:") == [entry]
    assert await library.from_places_below("thread:C_:") == []
    assert (await library.ingest_text(thread(" "), origin)).status == "failed"
