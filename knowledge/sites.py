"""A whole website as its documents: those that its sitemap lists, or else those that its pages lead to."""

import asyncio
import mimetypes
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from knowledge.addresses import Place, parse_place
from knowledge.errors import SourceDisallowed, SourceError, SourceGone, SourceRefused
from knowledge.fetching import Fetcher, Page
from knowledge.kinds import is_picture, kind_among_others, kind_of
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from knowledge.sitemaps import read_sitemap
from knowledge.sources import Content, Source
from knowledge.validators import NO_VALIDATOR, Validator
from knowledge.visiting import Visitor

_MAX_SITEMAPS = 50
_HTML = "text/html"
# Not the module's own, which adds what the machine's files say.
_TYPES = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPage:
    """A page as it was read before, how its server named it, and where it led; None where nobody looked."""

    validator: Validator
    links: tuple[str, ...] | None


Known = Callable[[str], Awaitable[KnownPage | None]]


_NEW = KnownPage(validator=NO_VALIDATOR, links=None)


async def nothing_known(_url: str) -> None:
    return None


async def site_sources(
    start: str, *, fetcher: Fetcher, parser: Parser, settings: KnowledgeSettings, known: Known = nothing_known
) -> AsyncGenerator[Source]:
    """The documents at and below the start's path, each with its content, or unchanged since it was `known`.

    Left out are other kinds of file, what robots.txt asks not to read, and dead links. More requests than
    `place_max_documents` are not made; that there was more is said. Raises SourceError where the start is no page.
    """
    visitor = Visitor(fetcher, settings)
    first = await visitor.fetch(parse_place(start, settings.fetch_allow_hosts).url)
    site = _Site(first=parse_place(first.url, settings.fetch_allow_hosts), hosts=settings.fetch_allow_hosts)
    listed = await _listed_pages(visitor, site, settings)
    crawl = _Crawl(visitor=visitor, site=site, parser=parser, settings=settings, known=known)
    async for source in crawl.sources(first, listed):
        yield source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """Which addresses belong to it: on the same host, at or below the path of the first page."""

    first: Place
    hosts: tuple[str, ...]

    def address_of(self, link: str, *, on: str) -> str | None:
        """Where a link on a page leads, in its one form; None if it is not to the site."""
        try:
            place = parse_place(urljoin(on, link.strip()), self.hosts)
        except (SourceRefused, ValueError):
            return None
        path = urlsplit(place.url).path
        is_here = _origin(place) == _origin(self.first)
        # Servers resolve the dots, and the path is another one than it seems.
        is_plain = not {".", ".."} & {unquote(part) for part in path.split("/")}
        return place.url if is_here and is_plain and self._is_below(path) else None

    def _is_below(self, path: str) -> bool:
        return path == urlsplit(self.first.url).path or path.startswith(self.folder)

    @property
    def folder(self) -> str:
        """/docs/ for /docs/, /docs and /docs/index.html."""
        path = urlsplit(self.first.url).path
        before, _, last = path.rpartition("/")
        return f"{before}/" if not last or "." in last else f"{path}/"


def _origin(place: Place) -> tuple[str, int]:
    # http and https of one site are one; its server leads from one to the other.
    return place.host, 443 if place.port == 80 else place.port  # noqa: PLR2004 — the port of http


async def _listed_pages(visitor: Visitor, site: _Site, settings: KnowledgeSettings) -> dict[str, datetime | None]:
    """The site's pages by its sitemaps, at most one more than may be read; empty without a sitemap."""
    named = await visitor.sitemaps(site.first.url)
    usual = [urljoin(site.first.url, f"{site.folder}sitemap.xml"), urljoin(site.first.url, "/sitemap.xml")]
    pages: dict[str, datetime | None] = {}
    waiting = deque(dict.fromkeys([*named, *usual]))
    seen: set[str] = set()
    while waiting and len(seen) < _MAX_SITEMAPS and len(pages) <= settings.place_max_documents:
        url = waiting.popleft()
        if url in seen:
            continue
        seen.add(url)
        try:
            page = await visitor.fetch(url)
            sitemap = await asyncio.to_thread(read_sitemap, page.data, limit=settings.max_document_bytes)
        except SourceError:
            continue
        waiting.extendleft(sitemap.sitemaps)
        for entry, changed_at in sitemap.pages.items():
            address = site.address_of(entry, on=page.url)
            if address is not None and len(pages) <= settings.place_max_documents:
                pages.setdefault(address, changed_at)
    return pages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crawl:
    visitor: Visitor
    site: _Site
    parser: Parser
    settings: KnowledgeSettings
    known: Known

    async def sources(self, first: Page, listed: dict[str, datetime | None]) -> AsyncGenerator[Source]:
        waiting = deque([(first.url, 0), *((url, 0) for url in listed if url != first.url)])
        seen = {url for url, _ in waiting}
        read: set[str] = set()
        requests = 0
        while waiting:
            url, depth = waiting.popleft()
            if requests >= self.settings.place_max_documents:
                yield _cut_off(first, requests)
                return
            requests += 1
            leads_on = not listed and depth < self.settings.site_max_depth
            known = await self._known(url, leads_on=leads_on)
            try:
                page = first if url == first.url else await self.visitor.fetch_newer(url, known.validator)
            except SourceDisallowed:
                continue
            except SourceError as error:
                # A link may be dead; a page that the site itself lists is missing.
                if url in listed or not isinstance(error, SourceGone):
                    yield Source(uri=url, name=_name(url), refusal=error)
                continue
            uri = url if page is None else page.url
            if uri in read or not (page is None or self._is_document(page)):
                continue
            read.add(uri)
            links = (known.links if page is None else await self._links(page)) if leads_on else None
            yield _unchanged(url) if page is None else _source(page, listed.get(url), links)
            for link in self._pages_among(links or (), uri):
                if link not in seen:
                    seen.add(link)
                    waiting.append((link, depth + 1))

    def _is_document(self, page: Page) -> bool:
        kind = kind_among_others(_name(page.url), page.content_type)
        return kind is not None and self.site.address_of(page.url, on=page.url) is not None

    async def _known(self, url: str, *, leads_on: bool) -> KnownPage:
        """Nothing for a page that has to be sent, since it is not known where it leads."""
        known = await self.known(url)
        return _NEW if known is None or (leads_on and known.links is None) else known

    async def _links(self, page: Page) -> tuple[str, ...]:
        if kind_among_others(_name(page.url), page.content_type) != _HTML:
            return ()
        try:
            return tuple(await self.parser.links(page.data, name=_name(page.url)))
        except SourceError:
            # Why it cannot be read is said where its text is.
            return ()

    def _pages_among(self, links: Iterable[str], url: str) -> Iterator[str]:
        for link in links:
            address = self.site.address_of(link, on=url)
            if address is not None and _may_be_document(address):
                yield address


def _may_be_document(url: str) -> bool:
    """Whether it is worth a request: pictures and programs are not."""
    name = _name(url)
    kind = kind_of(name)
    return not is_picture(kind) and (kind is not None or _TYPES.guess_type(name)[0] is None)


def _unchanged(url: str) -> Source:
    return Source(uri=url, name=_name(url), is_unchanged=True)


def _source(page: Page, changed_at: datetime | None, links: tuple[str, ...] | None) -> Source:
    content = Content(
        data=page.data,
        content_type=page.content_type,
        modified_at=changed_at or page.modified_at,
        is_web_page=True,
        validator=page.validator,
        links=links,
    )
    return Source(uri=page.url, name=_name(page.url), content=content)


def _cut_off(first: Page, requests: int) -> Source:
    why = f"The site leads to more than {requests:,} pages; the rest was not read"
    return Source(uri=first.url, name=_name(first.url), refusal=SourceRefused(why), is_rest=True)


def _name(url: str) -> str:
    parts = urlsplit(url)
    return unquote(PurePosixPath(parts.path).name) or parts.netloc
