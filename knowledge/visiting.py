"""A site visited as its owner asks: robots.txt honoured, one request at a time, a pause between two."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from protego import Protego

from knowledge.addresses import parse_place
from knowledge.errors import (
    SourceDisallowed,
    SourceError,
    SourceGone,
    SourceNotFound,
    SourceRefused,
    SourceUnreadable,
    SourceWithheld,
)
from knowledge.fetching import AGENT, Fetcher, Page
from knowledge.settings import KnowledgeSettings
from knowledge.validators import NO_VALIDATOR, Validator

_Fetched = TypeVar("_Fetched")

# What a crawler must read of it, at least (RFC 9309, section 2.5).
_ROBOTS_BYTES = 512_000
_MAX_DELAY_S = 30


class Visitor:
    """Every request goes through the Fetcher, and so does robots.txt: none gets past its guard."""

    def __init__(self, fetcher: Fetcher, settings: KnowledgeSettings) -> None:
        self._fetcher = fetcher
        self._settings = settings
        self._robots: dict[str, Protego | None] = {}
        self._delay_s = settings.site_delay_s
        self._free_at = 0.0

    async def fetch(self, url: str) -> Page:
        """Raises SourceDisallowed, and what the Fetcher raises."""
        page = await self.fetch_newer(url, NO_VALIDATOR)
        if page is None:
            raise SourceUnreadable("The page's server sent nothing")
        return page

    async def fetch_newer(self, url: str, known: Validator) -> Page | None:
        """The page, or None where its server says that it is still the one that was known. Raises as `fetch` does."""
        await self._check(url)
        page = await self._slowly(self._fetcher.fetch_newer(url, known))
        if page is not None and page.url != url:
            await self._check(page.url)
        return page

    async def sitemaps(self, url: str) -> list[str]:
        """The addresses of the sitemaps that the site's robots.txt names."""
        robots = await self._robots_for(url)
        return [] if robots is None else list(robots.sitemaps)

    async def _check(self, url: str) -> None:
        robots = await self._robots_for(url)
        if robots is None:
            raise SourceDisallowed("The site's robots.txt did not arrive, so it is not known what may be read there")
        if not robots.can_fetch(url, AGENT):
            raise SourceDisallowed("The site's robots.txt asks not to read this page")

    async def _robots_for(self, url: str) -> Protego | None:
        place = parse_place(url, self._settings.fetch_allow_hosts)
        root = f"{place.scheme}://{place.authority}"
        if root not in self._robots:
            self._robots[root] = robots = await self._read_robots(root)
            asked_s = (robots.crawl_delay(AGENT) or 0) if robots else 0
            self._delay_s = max(self._delay_s, min(asked_s, _MAX_DELAY_S))
        return self._robots[root]

    async def _read_robots(self, root: str) -> Protego | None:
        """None where it is not known what it says: then nothing may be read (RFC 9309, section 2.3.1.4)."""
        try:
            page = await self._slowly(self._fetcher.fetch(f"{root}/robots.txt"))
        except (SourceGone, SourceWithheld):
            return Protego.parse("")
        except (SourceRefused, SourceNotFound):
            # It stands where nothing is read, or nothing is reached, and the person should hear just that.
            raise
        except SourceError:
            return None
        return Protego.parse(page.data[:_ROBOTS_BYTES].decode(errors="replace"))

    async def _slowly(self, fetching: Coroutine[Any, Any, _Fetched]) -> _Fetched:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._free_at - clock()))
        try:
            return await fetching
        finally:
            self._free_at = clock() + self._delay_s
