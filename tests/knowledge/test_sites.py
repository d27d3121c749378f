import gzip
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from knowledge.audience import EVERYONE
from knowledge.collecting import Collector
from knowledge.errors import SourceDisallowed, SourceError, SourceNotFound, SourceRefused
from knowledge.fetching import Fetcher
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from knowledge.sites import site_sources
from knowledge.sources import Source
from tests.knowledge.fakes import Website
from tests.knowledge.test_fetching import PUBLIC, Resolver

DOCS: dict[str, str | bytes | int] = {
    "/docs/": '<h1>Home</h1><a href="leave.html#top">Leave</a> <a href="/docs/pay/">Pay</a> <a href="/blog/">Blog</a>',
    "/docs/leave.html": '<h1>Leave</h1><p>Thirty days.</p><a href="./">Home</a><a href="pay/">Pay</a>',
    "/docs/pay/": '<h1>Pay</h1><a href="slips">Slips</a><a href="/docs/logo.png">x</a><a href="gone">Gone</a>',
    "/docs/pay/slips": "<h1>Slips</h1>",
    "/docs/logo.png": b"PNG",
    "/blog/": "<h1>Blog</h1>",
}


@pytest.fixture
async def parser(settings: KnowledgeSettings) -> AsyncIterator[Parser]:
    parser = Parser(settings)
    yield parser
    await parser.close()


async def sources(site: Website, parser: Parser, start: str = "/docs/", **settings: object) -> list[Source]:
    told = {"site_delay_s": 0, "fetch_allow_hosts": (site.host,), **settings}
    knowledge = KnowledgeSettings.model_validate(told)
    found = site_sources(f"{site.url}{start}", fetcher=Fetcher(knowledge), parser=parser, settings=knowledge)
    return [source async for source in found]


async def paths(
    pages: Mapping[str, str | bytes | int], parser: Parser, start: str = "/docs/", **settings: object
) -> list[str]:
    """The paths of the documents that a site gives, in their order."""
    with Website(pages).serving() as site:
        found = await sources(site, parser, start, **settings)
    return [source.uri.removeprefix(site.url) for source in found if source.refusal is None]


def sitemap(*paths: str, changed: str = "2024-05-02") -> str:
    entries = "".join(f"<url><loc>http://HOST{path}</loc><lastmod>{changed}</lastmod></url>" for path in paths)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'


@pytest.mark.parametrize("start", ["/docs/", "/docs/#top", "/docs"])
async def test_a_site_without_a_sitemap_is_followed_from_its_first_page_and_not_above_it(
    parser: Parser, start: str
) -> None:
    pages = {**DOCS, "/docs": "-> /docs/"}
    assert await paths(pages, parser, start) == ["/docs/", "/docs/leave.html", "/docs/pay/", "/docs/pay/slips"]


async def test_below_a_page_means_in_its_folder(parser: Parser) -> None:
    assert await paths(DOCS, parser, "/docs/leave.html") == [
        "/docs/leave.html",
        "/docs/",
        "/docs/pay/",
        "/docs/pay/slips",
    ]
    assert await paths(DOCS, parser, "/docs/pay/") == ["/docs/pay/", "/docs/pay/slips"]


async def test_a_site_is_followed_no_deeper_than_told(parser: Parser) -> None:
    assert await paths(DOCS, parser, site_max_depth=1) == ["/docs/", "/docs/leave.html", "/docs/pay/"]


async def test_a_site_without_end_is_cut_off_and_it_is_said(parser: Parser) -> None:
    pages = {f"/{number}": f'<h1>{number}</h1><a href="{number + 1}">on</a>' for number in range(50)}
    pages["/"] = '<a href="0">on</a>'
    with Website(pages).serving() as site:
        *read, last = await sources(site, parser, "/", place_max_documents=3, site_max_depth=100)
    assert [source.refusal for source in read] == [None] * 3
    assert str(last.refusal) == "The site leads to more than 3 pages; the rest was not read"


async def test_pages_that_the_sitemap_lists_are_read_and_no_others(parser: Parser) -> None:
    pages = {**DOCS, "/sitemap.xml": sitemap("/docs/pay/slips", "/blog/", "/docs/leave.html")}
    with Website(pages).serving() as site:
        found = await sources(site, parser)
    assert [source.uri.removeprefix(site.url) for source in found] == ["/docs/", "/docs/pay/slips", "/docs/leave.html"]
    assert "/blog/" not in site.paths
    content = found[1].content
    assert content is not None
    assert content.modified_at == datetime(2024, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize("packed", [False, True])
async def test_sitemaps_named_in_robots_and_in_one_another_are_read(parser: Parser, packed: bool) -> None:
    inner = sitemap("/docs/leave.html")
    pages: dict[str, str | bytes | int] = {
        **DOCS,
        "/robots.txt": "Sitemap: http://HOST/index.xml",
        "/index.xml": "<sitemapindex><sitemap><loc>http://HOST/inner.xml.gz</loc></sitemap></sitemapindex>",
    }
    with Website(pages).serving() as site:
        text = inner.replace("HOST", site.host).encode()
        site.pages["/inner.xml.gz"] = gzip.compress(text) if packed else text
        found = await sources(site, parser)
    assert [source.uri.removeprefix(site.url) for source in found] == ["/docs/", "/docs/leave.html"]


async def test_a_page_that_the_sitemap_lists_and_is_not_there_is_said_to_be_missing(parser: Parser) -> None:
    with Website({**DOCS, "/sitemap.xml": sitemap("/docs/gone")}).serving() as site:
        _, missing = await sources(site, parser)
    assert isinstance(missing.refusal, SourceNotFound)


@pytest.mark.parametrize(
    "bad",
    ["<urlset><url>", "no XML", '<!DOCTYPE x [<!ENTITY a "b">]><urlset>&a;</urlset>', b"\x1f\x8b broken"],
)
async def test_a_site_with_a_broken_sitemap_is_followed(parser: Parser, bad: str | bytes) -> None:
    assert len(await paths({**DOCS, "/sitemap.xml": bad}, parser)) == 4


@pytest.mark.data
@pytest.mark.parametrize("name", ["xmlbomb.xml", "xmlbomb2.xml", "quadratic.xml", "external.xml", "cyclic.xml"])
async def test_a_bomb_for_a_sitemap_is_none(parser: Parser, data_dir: Path, name: str) -> None:
    bomb = (data_dir / "security" / "xml-bombs" / name).read_bytes()
    assert len(await paths({**DOCS, "/sitemap.xml": bomb}, parser)) == 4


async def test_a_packed_bomb_for_a_sitemap_is_none(parser: Parser) -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * 30_000_000 + sitemap("/docs/pay/slips").encode())
    assert len(await paths({**DOCS, "/sitemap.xml": bomb}, parser)) == 4


async def test_what_robots_asks_not_to_read_is_not_asked_for(parser: Parser) -> None:
    robots = "User-agent: tandem\nDisallow: /docs/pay/\nUser-agent: *\nDisallow: /"
    with Website({**DOCS, "/robots.txt": robots}).serving() as site:
        found = await sources(site, parser)
    assert [source.name for source in found] == ["docs", "leave.html"]
    assert "/docs/pay/" not in site.paths


async def test_a_redirect_does_not_lead_past_robots(parser: Parser) -> None:
    pages = {**DOCS, "/robots.txt": "User-agent: *\nDisallow: /docs/pay/slips", "/docs/pay/": "-> /docs/pay/slips"}
    assert await paths(pages, parser) == ["/docs/", "/docs/leave.html"]


async def test_a_site_that_robots_closes_says_so(parser: Parser) -> None:
    with (
        Website({**DOCS, "/robots.txt": "User-agent: *\nDisallow: /"}).serving() as site,
        pytest.raises(SourceDisallowed, match="robots"),
    ):
        await sources(site, parser)
    assert site.paths == ["/robots.txt"]


@pytest.mark.parametrize(("status", "is_read"), [(404, True), (403, True), (500, False)])
async def test_without_robots_all_is_read_and_with_one_that_fails_nothing(
    parser: Parser, status: int, is_read: bool
) -> None:
    try:
        assert len(await paths({**DOCS, "/robots.txt": status}, parser)) == 4
        was_read = True
    except SourceDisallowed:
        was_read = False
    assert was_read == is_read


async def test_one_request_follows_another_after_a_pause(parser: Parser) -> None:
    with Website(DOCS).serving() as site:
        await sources(site, parser, site_delay_s=0.05)
    assert site.most_at_once == 1
    assert min(after - before for before, after in zip(site.came_at, site.came_at[1:], strict=False)) > 0.045


async def test_robots_may_ask_for_a_longer_pause(parser: Parser) -> None:
    robots = "User-agent: *\nCrawl-delay: 0.2"
    with Website({"/": "<h1>Home</h1>", "/robots.txt": robots}).serving() as site:
        await sources(site, parser, "/")
    assert site.came_at[-1] - site.came_at[-2] > 0.19


async def test_a_broken_page_costs_no_other(parser: Parser) -> None:
    with Website({**DOCS, "/docs/leave.html": 500}).serving() as site:
        found = await sources(site, parser)
    assert [source.name for source in found if source.refusal] == ["leave.html"]
    assert len(found) == 4


async def test_one_page_under_many_addresses_is_one_document(parser: Parser) -> None:
    pages = {
        "/": '<a href="/a">1</a><a href="/b">2</a><a href="/c#x">3</a>',
        "/a": "-> /c",
        "/b": "-> /c",
        "/c": "<p>C",
    }
    assert await paths(pages, parser, "/") == ["/", "/c"]


async def test_links_that_lead_elsewhere_or_are_none_are_left_out(parser: Parser) -> None:
    links = ["http://[x", "mailto:a@b", "javascript:x()", "//127.0.0.1:9/docs/a", "../secret", "/docs/../secret"]
    links += ["/docs/%2e%2e/secret", "http://user@HOST/docs/a", "", "/docs/leave.html"]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    pages = {"/docs/": f'{page}<a rel="nofollow" href="no">x</a>', "/docs/leave.html": "<p>x", "/docs/no": "<p>x"}
    assert await paths({**pages, "/secret": "x", "/docs/../secret": "x"}, parser) == ["/docs/", "/docs/leave.html"]


async def test_links_are_relative_to_the_base_that_the_page_names(parser: Parser) -> None:
    pages = {"/docs/a/": '<base href="/docs/"><a href="b">b</a>', "/docs/b": "<p>b", "/docs/a/b": "<p>wrong"}
    assert await paths({"/docs/": '<a href="a/">a</a>', **pages}, parser) == ["/docs/", "/docs/a/", "/docs/b"]


async def test_the_pages_of_a_site_are_found_with_their_links(library: Library) -> None:
    with Website(DOCS).serving() as site:
        settings = KnowledgeSettings(site_delay_s=0, fetch_allow_hosts=(site.host,))
        library._collector = Collector(fetcher=Fetcher(settings), parser=library._parser, settings=settings)
        results = [result async for result in library.ingest(f"{site.url}/docs/", "public", whole_site=True)]
        again = [result async for result in library.ingest(f"{site.url}/docs/", "public", whole_site=True)]
        again_alone = [(await library.refresh(entry)).status for entry in (await library.documents(EVERYONE))[:1]]
    assert [(result.title, result.status) for result in results] == [
        (title, "added") for title in ("Home", "Leave", "Pay", "Slips")
    ]
    assert {result.status for result in again} == {"unchanged"}
    listed = await library.documents(EVERYONE)
    assert {entry.origin.place for entry in listed} == {f"{site.url}/docs/"}
    assert again_alone == ["unchanged"]
    assert f"{site.url}/docs/leave.html" in [passage.uri for passage in await library.search("thirty days", EVERYONE)]


async def test_a_site_that_is_none_gives_one_sentence(library: Library) -> None:
    [result] = [result async for result in library.ingest("http://127.0.0.1:9/", "public", whole_site=True)]
    assert (result.status, bool(result.error)) == ("failed", True)


async def _body(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


class _Everywhere(httpx.AsyncBaseTransport):
    """Every host has a robots.txt, a sitemap and a page, each of which leads to the case in its own way."""

    def __init__(self, case: str) -> None:
        self._case = case
        self.hosts: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        if "to" in request.url.params:
            return httpx.Response(302, headers={"location": request.url.params["to"]})
        match request.url.path:
            case "/loop":
                return httpx.Response(302, headers={"location": "/loop"})
            case "/robots.txt":
                return httpx.Response(200, content=_body(f"Sitemap: {self._case}\nSitemap: https://example.com/to"))
            case "/sitemap.xml":
                entries = f"<url><loc><![CDATA[{self._case}]]></loc></url><url><loc>https://example.com/to</loc></url>"
                return httpx.Response(200, content=_body(f"<urlset>{entries}</urlset>"))
            case "/to":
                return httpx.Response(302, headers=[(b"location", self._case.encode())])
            case _:
                page = f"<a href='{self._case}'>x</a><a href=/to>y</a>"
                return httpx.Response(200, headers={"content-type": "text/html"}, content=_body(page))


@pytest.mark.data
async def test_no_door_of_a_site_leads_to_a_private_network(parser: Parser, data_dir: Path) -> None:
    lines = (data_dir / "security" / "ssrf-cases" / "ssrf_cases.jsonl").read_text().splitlines()
    settings = KnowledgeSettings(site_delay_s=0)
    outcomes = {"block": 0, "allow": 0}
    for case in map(json.loads, lines):
        for start in (case["url"], "https://example.com/"):
            web = _Everywhere(case["url"])
            fetcher = Fetcher(settings, resolve=Resolver(), transport=web)
            try:
                _ = [source async for source in site_sources(start, fetcher=fetcher, parser=parser, settings=settings)]
                outcome = "allow"
            except SourceError:
                outcome = "block"
            assert set(web.hosts) <= {PUBLIC}, case
            if start == case["url"]:
                assert outcome == case["expect"], case
                outcomes[outcome] += 1
            else:
                assert outcome == "allow"
    assert outcomes == {"block": 77, "allow": 4}


async def test_a_redirected_robots_does_not_lead_to_a_private_network(parser: Parser) -> None:
    class Redirecting(_Everywhere):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.hosts.append(request.url.host)
            return httpx.Response(302, headers={"location": self._case})

    web = Redirecting("http://169.254.169.254/robots.txt")
    settings = KnowledgeSettings(site_delay_s=0)
    fetcher = Fetcher(settings, resolve=Resolver(), transport=web)
    with pytest.raises(SourceRefused):
        _ = [
            source
            async for source in site_sources("https://example.com/", fetcher=fetcher, parser=parser, settings=settings)
        ]
    assert web.hosts == [PUBLIC]
