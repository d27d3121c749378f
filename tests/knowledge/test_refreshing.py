"""Documents that were deleted at their source, and pages that have not changed since."""

import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from knowledge.collecting import Collector
from knowledge.documents import Entry, IngestResult
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.settings import KnowledgeSettings
from knowledge.tables import documents, page_links
from tests.knowledge.fakes import Website, WordEmbedding, index_of


@pytest.fixture
def site() -> Iterator[Website]:
    with Website({"/tea": "<h1>Tea</h1><p>Tea is at four.</p>", "/moved": "-> /tea"}).serving() as site:
        yield site


@pytest.fixture
def web(library: Library, site: Website) -> Library:
    """The library with a web in which there is this site."""
    settings = KnowledgeSettings(site_delay_s=0, fetch_allow_hosts=(site.host,))
    library._collector = Collector(fetcher=Fetcher(settings), parser=library._parser, settings=settings)
    return library


async def ingest(library: Library, place: Path | str) -> list[IngestResult]:
    return [result async for result in library.ingest(str(place), "public")]


async def only(library: Library) -> Entry:
    [entry] = await library.documents(EVERYONE)
    return entry


async def wait(engine: AsyncEngine, **time: float) -> None:
    """Let it be so much later for the documents that are missing."""
    missing = select(documents.c.id, documents.c.missing_since).where(documents.c.missing_since.is_not(None))
    async with engine.begin() as connection:
        for document_id, since in (await connection.execute(missing)).all():
            this = documents.c.id == document_id
            await connection.execute(update(documents).where(this).values(missing_since=since - timedelta(**time)))


async def test_page_that_is_missing_twice_an_hour_apart_is_removed(
    web: Library, site: Website, engine: AsyncEngine
) -> None:
    await ingest(web, f"{site.url}/tea")
    site.pages["/tea"] = 404
    first = await web.refresh(await only(web))
    assert (first.status, (first.error or "").startswith("There is no such page. It stays as it was")) == (
        "failed",
        True,
    )
    await wait(engine, minutes=59)
    assert (await web.refresh(await only(web))).status == "failed"
    assert await web.search("tea", EVERYONE)
    await wait(engine, minutes=1)
    second = await web.refresh(await only(web))
    assert (second.status, second.error) == ("removed", "There is no such page")
    assert await web.documents(EVERYONE) == []
    assert await web.search("tea", EVERYONE) == []


@pytest.mark.parametrize("named", [True, False])
async def test_page_that_comes_back_in_between_has_to_be_missing_anew(
    web: Library, site: Website, engine: AsyncEngine, named: bool
) -> None:
    site.named = named
    await ingest(web, f"{site.url}/tea")
    page, site.pages["/tea"] = site.pages["/tea"], 410
    await web.refresh(await only(web))
    await wait(engine, hours=2)
    site.pages["/tea"] = page
    assert (await web.refresh(await only(web))).status == "unchanged"
    assert (await only(web)).missing_since is None
    site.pages["/tea"] = 404
    assert (await web.refresh(await only(web))).status == "failed"


async def test_person_who_asks_for_one_document_need_not_ask_twice(web: Library, site: Website) -> None:
    await ingest(web, f"{site.url}/tea")
    site.pages["/tea"] = 410
    assert (await web.refresh(await only(web), at_once=True)).status == "removed"
    assert await web.documents(EVERYONE) == []


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_page_whose_server_refuses_or_fails_stays(web: Library, site: Website, status: int) -> None:
    await ingest(web, f"{site.url}/tea")
    site.pages["/tea"] = status
    assert (await web.refresh(await only(web), at_once=True)).status == "failed"
    assert (await only(web)).missing_since is None
    assert await web.search("tea", EVERYONE)


async def test_page_of_a_server_that_is_away_stays(web: Library) -> None:
    with Website({"/tea": "<p>Tea is at four.</p>"}).serving() as site:
        settings = KnowledgeSettings(fetch_allow_hosts=(site.host,))
        web._collector = Collector(fetcher=Fetcher(settings), parser=web._parser, settings=settings)
        await ingest(web, f"{site.url}/tea")
    assert (await web.refresh(await only(web), at_once=True)).status == "failed"
    assert (await only(web)).missing_since is None


async def test_file_that_left_its_folder_is_removed(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "rules").mkdir(parents=True)
    for name in ("tea.txt", "rules/leave.txt"):
        (folder / name).write_text("Tea is at four.")
    await ingest(library, folder)
    (folder / "rules" / "leave.txt").unlink()
    (folder / "rules").rmdir()
    results = [await library.refresh(entry, at_once=True) for entry in await library.documents(EVERYONE)]
    assert sorted(result.status for result in results) == ["removed", "unchanged"]
    assert (await only(library)).uri == (folder / "tea.txt").as_uri()


@pytest.mark.parametrize("place", ["docs", "docs/tea.txt"])
@pytest.mark.parametrize("left", ["an empty folder", "nothing"])
async def test_folder_that_is_not_mounted_takes_no_document_with_it(
    library: Library, tmp_path: Path, place: str, left: str
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tea.txt").write_text("Tea is at four.")
    await ingest(library, tmp_path / place)
    shutil.rmtree(tmp_path / "docs")
    if left == "an empty folder":
        (tmp_path / "docs").mkdir()
    result = await library.refresh(await only(library), at_once=True)
    assert (result.status, "not mounted" in (result.error or "")) == ("failed", True)
    assert (await only(library)).missing_since is None


def pack(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "Tea is at four." if name.endswith(".md") else "no archive")


async def test_document_that_left_its_archive_is_removed(library: Library, tmp_path: Path) -> None:
    pack(tmp_path / "docs.zip", "tea.md", "leave.md")
    await ingest(library, tmp_path / "docs.zip")
    pack(tmp_path / "docs.zip", "tea.md")
    [entry] = await library.find(f"{(tmp_path / 'docs.zip').as_uri()}#leave.md", EVERYONE)
    result = await library.refresh(entry, at_once=True)
    assert (result.status, result.error) == ("removed", "It is no longer in “docs.zip”")
    assert len(await library.documents(EVERYONE)) == 1


async def test_document_of_an_archive_that_cannot_be_looked_into_stays(library: Library, tmp_path: Path) -> None:
    pack(tmp_path / "inner.zip", "tea.md")
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "inner.zip")
    await ingest(library, tmp_path / "docs.zip")
    pack(tmp_path / "docs.zip", "inner.zip")
    result = await library.refresh(await only(library), at_once=True)
    assert (result.status, "damaged" in (result.error or "")) == ("failed", True)


async def test_page_that_has_not_changed_is_neither_sent_nor_read_again(
    web: Library, site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.named = True
    await ingest(web, f"{site.url}/tea")

    async def read(*_: object, **__: object) -> None:
        raise AssertionError("it was read")

    with monkeypatch.context() as patch:
        patch.setattr(web._parser, "parse", read)
        assert (await web.refresh(await only(web))).status == "unchanged"
    site.pages["/tea"] = "<h1>Tea</h1><p>Tea is at five.</p>"
    assert (await web.refresh(await only(web))).status == "updated"
    assert (await web.refresh(await only(web))).status == "unchanged"
    assert len(set(site.conditions)) == 2


async def test_page_that_a_redirect_led_to_is_asked_for_a_newer_version_there_alone(
    web: Library, site: Website
) -> None:
    site.named = True
    await ingest(web, f"{site.url}/moved")
    assert (await web.refresh(await only(web))).status == "unchanged"
    assert (len(site.conditions), site.paths[-2:]) == (1, ["/moved", "/tea"])
    site.pages |= {"/moved": "-> /other", "/other": site.pages["/tea"]}
    assert (await web.refresh(await only(web))).status == "unchanged"
    assert len(site.conditions) == 1


async def test_unchanged_page_is_cut_anew_and_written_again_where_the_index_lost_it(
    web: Library, site: Website
) -> None:
    site.named = True
    site.pages["/tea"] = "<h1>Tea</h1>" + "".join(f"<p>In year {year} tea is at four.</p>" for year in range(150))
    await ingest(web, f"{site.url}/tea")
    entry = await only(web)
    await web._index.remove(entry.id)
    assert (await web.refresh(entry)).status == "updated"
    web._writer.index = PassageIndex(store=index_of(web).store, embedding=WordEmbedding(), chunk_tokens=80)
    assert (await web.refresh(entry)).status == "updated"
    assert (await web.refresh(entry)).status == "unchanged"
    assert len(site.conditions) == 1


async def read_place(library: Library, place: Path | str) -> list[tuple[str, str]]:
    """Status and end of the link of each document of the place, read again."""
    [known] = await library.places(str(place), EVERYONE)
    results = [result async for result in library.refresh_place(known)]
    return sorted((result.status, result.uri.rpartition("/")[2]) for result in results)


async def test_folder_read_again_brings_what_is_new_and_loses_what_left_it(
    library: Library, tmp_path: Path, engine: AsyncEngine
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tea.txt").write_text("Tea is at four.")
    (folder / "leave.txt").write_text("Thirty days.")
    await ingest(library, folder)
    (folder / "tea.txt").unlink()
    (folder / "pay.txt").write_text("Pay comes on Monday.")
    assert await read_place(library, folder) == [
        ("added", "pay.txt"),
        ("failed", "tea.txt"),
        ("unchanged", "leave.txt"),
    ]
    await wait(engine, hours=1)
    expected = [("removed", "tea.txt"), ("unchanged", "leave.txt"), ("unchanged", "pay.txt")]
    assert await read_place(library, folder) == expected
    [place] = await library.places_read(EVERYONE, limit=5)
    assert (place.changed, place.removed, place.failed) == (0, 1, 0)


async def test_folder_that_is_not_mounted_loses_nothing_when_its_place_is_read_again(
    library: Library, tmp_path: Path, engine: AsyncEngine
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tea.txt").write_text("Tea is at four.")
    await ingest(library, folder)
    (folder / "tea.txt").unlink()
    for _ in range(2):
        assert await read_place(library, folder) == [("failed", "tea.txt")]
        await wait(engine, hours=2)
    folder.rmdir()
    assert {status for status, _ in await read_place(library, folder)} == {"failed"}
    assert len(await library.documents(EVERYONE)) == 1


async def test_what_a_person_took_out_comes_back_when_it_is_handed_over_and_not_before(
    library: Library, tmp_path: Path
) -> None:
    for name in ("tea.txt", "leave.txt"):
        (tmp_path / name).write_text("Tea is at four.")
    await ingest(library, tmp_path)
    [tea] = await library.find((tmp_path / "tea.txt").as_uri(), EVERYONE)
    await library.remove(tea.id)
    assert await read_place(library, tmp_path) == [("unchanged", "leave.txt")]
    assert {result.status for result in await ingest(library, tmp_path)} == {"added", "unchanged"}
    assert await read_place(library, tmp_path) == [("unchanged", "leave.txt"), ("unchanged", "tea.txt")]


async def test_place_whose_documents_were_all_taken_out_is_not_read_again(library: Library, tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("Tea is at four.")
    await ingest(library, tmp_path)
    await library.remove((await only(library)).id)
    assert await library.places(str(tmp_path), EVERYONE) == []


SITE = {
    "/docs/": '<h1>Home</h1><p>All rules.</p><a href="tea">Tea</a><a href="leave">Leave</a>',
    "/docs/tea": "<h1>Tea</h1><p>Tea is at four.</p>",
    "/docs/leave": "<h1>Leave</h1><p>Thirty days.</p>",
}


async def ingest_site(web: Library, site: Website, **pages: str | bytes | int) -> str:
    site.pages |= SITE | {f"/docs/{name}": page for name, page in pages.items()}
    _ = [result async for result in web.ingest(f"{site.url}/docs/", "public", whole_site=True)]
    return f"{site.url}/docs/"


async def test_site_that_lost_a_page_and_has_a_new_one(web: Library, site: Website, engine: AsyncEngine) -> None:
    start = await ingest_site(web, site)
    site.pages |= {
        "/docs/": '<h1>Home</h1><p>All rules.</p><a href="tea">Tea</a><a href="pay">Pay</a>',
        "/docs/pay": "<h1>Pay</h1><p>Pay comes on Monday.</p>",
        "/docs/leave": 404,
    }
    assert {("added", "pay"), ("failed", "leave"), ("unchanged", "tea")} <= set(await read_place(web, start))
    await wait(engine, hours=1)
    assert ("removed", "leave") in await read_place(web, start)
    assert len(await web.documents(EVERYONE)) == 3


_WITH_SITEMAP = {
    "/docs/sitemap.xml": '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    "<url><loc>http://HOST/docs/tea</loc></url><url><loc>http://HOST/docs/leave</loc></url></urlset>"
}


@pytest.mark.parametrize("pages", [{}, _WITH_SITEMAP], ids=["followed", "listed"])
async def test_pages_of_a_site_that_have_not_changed_are_not_sent_again(
    web: Library, site: Website, pages: dict[str, str]
) -> None:
    site.named = True
    site.pages |= pages
    start = await ingest_site(web, site)
    assert {status for status, _ in await read_place(web, start)} == {"unchanged"}
    # Its first page is always sent: from there it is found out where the site is.
    assert len(site.conditions) == 2
    site.pages["/docs/tea"] = "<h1>Tea</h1><p>Tea is at five.</p>"
    assert ("updated", "tea") in await read_place(web, start)
    assert {status for status, _ in await read_place(web, start)} == {"unchanged"}


async def test_site_is_followed_past_a_page_that_has_not_changed(
    web: Library, site: Website, engine: AsyncEngine
) -> None:
    site.named = True
    tea = '<h1>Tea</h1><p>Tea is at four.</p><a href="pots">Pots</a>'
    start = await ingest_site(web, site, tea=tea, pots="<h1>Pots</h1><p>Cups.</p>")
    assert len(await web.documents(EVERYONE)) == 4
    site.pages["/docs/pots"] = "<h1>Cups</h1><p>Cups and pots.</p>"
    assert ("updated", "pots") in await read_place(web, start)
    site.pages["/docs/tea"] = "<h1>Tea</h1><p>Tea is at four.</p>"
    assert ("failed", "pots") in await read_place(web, start)
    await wait(engine, hours=1)
    assert ("removed", "pots") in await read_place(web, start)


async def test_page_of_a_site_that_was_missing_and_is_there_unchanged_has_to_be_missing_anew(
    web: Library, site: Website, engine: AsyncEngine
) -> None:
    site.named = True
    start = await ingest_site(web, site)
    leave = site.pages["/docs/leave"]
    site.pages["/docs/leave"] = 404
    assert ("failed", "leave") in await read_place(web, start)
    site.pages["/docs/leave"] = leave
    assert ("unchanged", "leave") in await read_place(web, start)
    site.pages["/docs/leave"] = 404
    await wait(engine, hours=1)
    assert ("failed", "leave") in await read_place(web, start)


async def test_page_of_a_site_is_sent_again_where_the_index_lost_it_or_its_links_are_not_known(
    web: Library, site: Website, engine: AsyncEngine
) -> None:
    site.named = True
    start = await ingest_site(web, site)
    lost = next(entry for entry in await web.documents(EVERYONE) if entry.uri.endswith("tea"))
    await web._index.remove(lost.id)
    assert ("updated", "tea") in await read_place(web, start)
    assert len(site.conditions) == 1
    async with engine.begin() as connection:
        await connection.execute(delete(page_links))
    assert {status for status, _ in await read_place(web, start)} == {"unchanged"}
    assert len(site.conditions) == 1
    await read_place(web, start)
    assert len(site.conditions) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"/robots.txt": 500},
        {"/docs/": 404},
        {"/docs/": 503},
        {"/docs/tea": 500},
        {"/docs/": '<h1>Home</h1><p>All rules.</p><a href="tea">Tea</a><a href="a">a</a><a href="b">b</a>'},
    ],
    ids=["robots.txt fails", "no first page", "first page fails", "a page fails", "cut off by a limit"],
)
async def test_site_that_was_not_read_whole_loses_nothing(
    web: Library, site: Website, engine: AsyncEngine, fault: dict[str, str | int]
) -> None:
    start = await ingest_site(web, site)
    site.pages |= {"/docs/": SITE["/docs/"].replace("leave", "x"), **fault}
    settings = KnowledgeSettings(site_delay_s=0, fetch_allow_hosts=(site.host,), place_max_documents=3)
    web._collector = Collector(fetcher=Fetcher(settings), parser=web._parser, settings=settings)
    for _ in range(2):
        assert "removed" not in {status for status, _ in await read_place(web, start)}
        await wait(engine, hours=2)
    assert len(await web.documents(EVERYONE)) == 3
    assert {entry.missing_since for entry in await web.documents(EVERYONE)} == {None}


async def test_site_named_as_a_place_is_no_single_page(web: Library, site: Website) -> None:
    start = await ingest_site(web, site)
    assert [place.whole_site for place in await web.places(start, EVERYONE)] == [True]
    await ingest(web, f"{site.url}/tea")
    assert await web.places(f"{site.url}/tea", EVERYONE) == []


async def test_places_due_are_told_the_longest_ago_first_until_they_ended_the_process_three_times(
    library: Library, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tea.txt").write_text("Tea is at four.")
        await ingest(library, tmp_path / name)
    later = datetime.now(UTC) + timedelta(seconds=1)
    first, second = await library.places_due(later)
    assert [Path(first.place).name, Path(second.place).name] == ["a", "b"]
    for _ in range(3):
        await library._register.begin(first)
    assert await library.places_due(later) == [second]
    assert await library.places_due(first.refreshed_at) == []
    await read_place(library, first.place)
    assert len(await library.places_due(datetime.now(UTC))) == 2
