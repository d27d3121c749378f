"""Documents listed, found by number or link, previewed, read again and taken out; each within an audience."""

import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE, NOBODY, PUBLIC, Audience, parse_audience
from knowledge.documents import Entry, Origin
from knowledge.errors import SourceRefused
from knowledge.fetching import Fetcher, Page
from knowledge.library import Library
from knowledge.settings import KnowledgeSettings

_C1 = parse_audience("channel:C1")
_ADA = Origin(place="slack-file:F1", added_by="U1", added_in="C1", ingest_id="w1")


async def _add(
    library: Library, name: str, scope: str = PUBLIC, origin: Origin = _ADA, text: str = "Tea is at four."
) -> None:
    uri = f"https://slack.example/{name}"
    [result] = await library.ingest_bytes(text.encode(), name=f"{name}.txt", uri=uri, scope=scope, origin=origin)
    assert result.status in {"added", "unchanged", "updated"}


async def _titles(library: Library, audience: Audience) -> list[str]:
    return [entry.title for entry in await library.documents(audience)]


async def _only(library: Library, audience: Audience = EVERYONE) -> Entry:
    [entry] = await library.documents(audience)
    return entry


async def test_documents_are_listed_newest_first_in_pieces(library: Library) -> None:
    for name in ("one", "two", "three"):
        await _add(library, name)
    assert await _titles(library, EVERYONE) == ["three", "two", "one"]
    [second] = await library.documents(EVERYONE, limit=1, offset=1)
    assert second.title == "two"


async def test_listed_document_says_who_added_it_where_and_from_what(library: Library) -> None:
    await _add(library, "tea")
    entry = await _only(library)
    assert (entry.origin, entry.chunks, entry.scope) == (_ADA, 1, "public")
    assert entry.added_at == entry.read_at


async def test_document_keeps_its_number_and_its_adder_when_somebody_else_hands_it_over_again(library: Library) -> None:
    await _add(library, "tea")
    before = await _only(library)
    await _add(library, "tea", origin=Origin(added_by="U2", ingest_id="w2"), text="Tea is at five.")
    after = await _only(library)
    assert (after.number, after.origin, after.added_at) == (before.number, _ADA, before.added_at)
    assert after.read_at > before.read_at


@pytest.mark.parametrize("audience", [EVERYONE, NOBODY, parse_audience("channel:C2")])
async def test_private_document_is_neither_listed_nor_found_from_elsewhere(
    library: Library, audience: Audience
) -> None:
    await _add(library, "pay", "channel:C1")
    entry = await _only(library, _C1)
    assert await library.documents(audience) == []
    assert await library.find(str(entry.number), audience) == []
    assert await library.find(entry.uri, audience) == []
    assert await library.of_ingest("w1", audience) == []
    assert await library.find(str(entry.number), _C1) == await library.find(entry.uri, _C1) == [entry]


async def test_numbers_do_not_tell_how_many_documents_others_added(library: Library) -> None:
    await _add(library, "first")
    for name in "abc":
        await _add(library, name, "channel:C1")
    await _add(library, "second")
    numbers = [entry.number for entry in await library.documents(EVERYONE)]
    assert abs(numbers[0] - numbers[1]) != 4
    assert all(len(str(number)) == 5 for number in numbers)


async def test_link_that_was_taken_in_for_two_scopes_finds_both(library: Library) -> None:
    await _add(library, "tea")
    await _add(library, "tea", "channel:C1")
    found = await library.find("https://SLACK.example/tea#top", _C1)
    assert {entry.scope for entry in found} == {"public", "channel:C1"}


async def test_file_is_found_by_its_path(library: Library, tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("Tea is at four.")
    _ = [result async for result in library.ingest(str(tmp_path), PUBLIC)]
    [entry] = await library.find(str(tmp_path / "tea.txt"), EVERYONE)
    assert (entry.origin.place, entry.origin.added_by) == (str(tmp_path), "")


@pytest.mark.parametrize("reference", ["", "0", "-1", "²", "9" * 40, "a\0b", "'; --", "file:///etc/passwd"])
async def test_reference_that_is_none_finds_nothing(library: Library, reference: str) -> None:
    await _add(library, "tea")
    assert await library.find(reference, EVERYONE) == []


async def test_what_one_ingest_added_is_found_together(library: Library) -> None:
    await _add(library, "one")
    await _add(library, "two")
    await _add(library, "other", origin=Origin(ingest_id="w2"))
    assert {entry.title for entry in await library.of_ingest("w1", EVERYONE)} == {"one", "two"}


async def test_document_taken_out_is_in_no_list_no_search_and_no_chunk(library: Library) -> None:
    await _add(library, "tea")
    await _add(library, "kettle")
    [entry] = await library.find("https://slack.example/tea", EVERYONE)
    assert await library.remove(entry.id)
    assert await _titles(library, EVERYONE) == ["kettle"]
    assert await library.find(str(entry.number), EVERYONE) == []
    assert [passage.title for passage in await library.search("tea", EVERYONE)] == ["kettle"]
    assert await library._index.count(entry.id) == 0


class _Pages(Fetcher):
    """Stands for the web: one page, as it is now."""

    text = "<title>Tea</title><h1>Tea</h1><p>Tea is at four.</p>"
    modified_at: datetime | None = None

    async def fetch(self, url: str) -> Page:
        return Page(url=url, data=self.text.encode(), content_type="text/html", modified_at=self.modified_at)


async def test_preview_says_what_would_be_read_and_keeps_nothing(library: Library, settings: KnowledgeSettings) -> None:
    library._collector._fetcher = _Pages(settings)
    seen = await library.preview("https://a.example/tea")
    assert (seen.title, seen.size, seen.chunks) == ("Tea", len(_Pages.text), 1)
    assert "Tea is at four." in seen.text
    assert await library.documents(EVERYONE) == []
    assert await library.search("tea", EVERYONE) == []


@pytest.mark.parametrize("place", ["/etc/hostname", "file:///etc/hostname", "ftp://a.example/x", "tea"])
async def test_preview_reads_pages_of_the_web_alone(library: Library, place: str) -> None:
    with pytest.raises(SourceRefused):
        await library.preview(place)


async def test_page_read_again_is_known_by_the_same_number(library: Library, settings: KnowledgeSettings) -> None:
    pages = library._collector._fetcher = _Pages(settings)
    _ = [result async for result in library.ingest("https://a.example/tea", PUBLIC, _ADA)]
    before = await _only(library)
    assert (await library.refresh(before)).status == "unchanged"
    pages.text = pages.text.replace("four", "five")
    assert (await library.refresh(before)).status == "updated"
    after = await _only(library)
    assert (after.number, after.origin.added_by) == (before.number, "U1")
    assert [passage.text for passage in await library.search("tea", EVERYONE)] == ["Tea is at five."]


@pytest.mark.parametrize("says_so", [True, False])
async def test_page_knows_when_it_was_changed_from_itself_or_else_from_its_server(
    library: Library, settings: KnowledgeSettings, says_so: bool
) -> None:
    pages = library._collector._fetcher = _Pages(settings)
    pages.modified_at = datetime(2024, 5, 2, 10, tzinfo=UTC)
    if says_so:
        pages.text = f'<meta property="article:published_time" content="2023-04-01">{pages.text}'
    _ = [result async for result in library.ingest("https://a.example/tea", PUBLIC)]
    [passage] = await library.search("tea", EVERYONE)
    assert passage.modified_at == (datetime(2023, 4, 1, tzinfo=UTC) if says_so else pages.modified_at)


async def test_document_taken_out_while_it_is_read_again_stays_out(
    library: Library, settings: KnowledgeSettings
) -> None:
    library._collector._fetcher = _Pages(settings)
    _ = [result async for result in library.ingest("https://a.example/tea", PUBLIC)]
    entry = await _only(library)
    await library.remove(entry.id)
    assert (await library.refresh(entry)).status == "failed"
    assert (await library.refresh(entry, b"Tea is at six.", name="tea.txt")).status == "failed"
    assert await library.documents(EVERYONE) == []
    assert await library.search("tea", EVERYONE) == []


async def test_file_of_a_folder_that_became_a_link_out_of_it_is_not_read_again(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tea.txt").write_text("Tea is at four.")
    (tmp_path / "secret.txt").write_text("The password is tulip.")
    _ = [result async for result in library.ingest(str(folder), PUBLIC)]
    (folder / "tea.txt").unlink()
    (folder / "tea.txt").symlink_to(tmp_path / "secret.txt")
    assert "leads out of the folder" in ((await library.refresh(await _only(library))).error or "")
    assert [passage.text for passage in await library.search("password", EVERYONE)] == ["Tea is at four."]


async def test_file_that_is_gone_keeps_its_last_version_and_says_so(library: Library, tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("Tea is at four.")
    _ = [result async for result in library.ingest(str(tmp_path / "tea.txt"), PUBLIC)]
    (tmp_path / "tea.txt").unlink()
    assert (await library.refresh(await _only(library))).status == "failed"
    assert len(await library.documents(EVERYONE)) == 1


async def test_slack_file_is_read_again_from_slack_alone(library: Library) -> None:
    await library.ingest_bytes(b"Tea.", name="tea.txt", uri="slack-file:F1", scope=PUBLIC)
    assert "Slack" in ((await library.refresh(await _only(library))).error or "")


def _pack(path: Path, **files: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.md", text)
    return path.read_bytes()


@pytest.mark.parametrize("place", ["", "docs.zip"])
async def test_member_of_an_archive_is_read_again_by_itself(library: Library, tmp_path: Path, place: str) -> None:
    _pack(tmp_path / "docs.zip", tea="Tea is at four.", leave="Thirty days.")
    _ = [result async for result in library.ingest(str(tmp_path / place), PUBLIC, _ADA)]
    [entry] = await library.find(f"{(tmp_path / 'docs.zip').as_uri()}#tea.md", EVERYONE)
    assert entry.origin == replace(_ADA, place=str(tmp_path / place), overheard=False)
    assert (await library.refresh(entry)).status == "unchanged"
    _pack(tmp_path / "docs.zip", tea="Tea is at five.", leave="Forty days.")
    assert (await library.refresh(entry)).status == "updated"
    texts = {passage.text for passage in await library.search("tea days", EVERYONE)}
    assert texts == {"Tea is at five.", "Thirty days."}
    _pack(tmp_path / "docs.zip", leave="Forty days.")
    again = await library.refresh(entry)
    assert (again.status, (again.error or "").partition(".")[0]) == ("failed", "It is no longer in “docs")
    assert len(await library.documents(EVERYONE)) == 2


async def test_member_of_an_archive_in_slack_is_read_again_from_there(library: Library, tmp_path: Path) -> None:
    data = _pack(tmp_path / "docs.zip", tea="Tea is at four.")
    await library.ingest_bytes(data, name="docs.zip", uri="slack:F1", scope=PUBLIC, origin=_ADA)
    entry = await _only(library)
    assert (entry.uri, entry.origin) == ("slack:F1#tea.md", _ADA)
    assert "Slack" in ((await library.refresh(entry)).error or "")
    data = _pack(tmp_path / "docs.zip", tea="Tea is at five.")
    assert (await library.refresh(entry, data, name="docs.zip")).status == "updated"


async def test_numbers_grow_longer_where_the_short_ones_are_taken(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library._catalogue, "_draw", lambda _: 0)
    await _add(library, "one")
    await _add(library, "two")
    assert [entry.number for entry in await library.documents(EVERYONE)] == [100_000, 10_000]
