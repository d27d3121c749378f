"""Pages from the web, and from nowhere else.

A name is resolved once for each hop, every address it has is checked, and the connection goes to a checked
one, so that a second answer of the resolver changes nothing. Redirects are followed by hand, each checked anew.
"""

import asyncio
import contextlib
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx

from knowledge.addresses import Place, check_address, parse_place
from knowledge.errors import (
    SourceGone,
    SourceNotFound,
    SourceRefused,
    SourceTimeout,
    SourceUnreadable,
    SourceWithheld,
)
from knowledge.settings import KnowledgeSettings
from knowledge.validators import NO_VALIDATOR, Validator, validator_of

Resolve = Callable[[str, int], Awaitable[list[str]]]

# How Tandem names itself to servers, and what a robots.txt may call it.
AGENT = "Tandem"
_MAX_REDIRECTS = 5
_GONE = frozenset({404, 410})
_NOT_MODIFIED = 304
# A server may pack without being asked. Packings in one another, or better ones, make a bomb of a small page.
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})
_GZIP_WINDOW = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a server sent. `content_type` is as announced and may be empty; `url` is where the redirects led."""

    url: str
    data: bytes
    content_type: str
    modified_at: datetime | None = None
    validator: Validator = NO_VALIDATOR


async def resolve(host: str, port: int) -> list[str]:
    """Every address that the system's resolver gives for a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Fetcher:
    def __init__(
        self,
        settings: KnowledgeSettings,
        *,
        resolve: Resolve = resolve,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._transport = transport

    async def locate(self, url: str) -> tuple[Place, str]:
        """A checked place and the address to connect to, for a program that fetches by itself.

        Raises SourceRefused or SourceNotFound.
        """
        place = parse_place(url, self._settings.fetch_allow_hosts)
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_s):
                return place, await self._checked_address(place)
        except TimeoutError:
            raise SourceTimeout(f"The host {place.host} was not found in time") from None

    async def fetch(self, url: str) -> Page:
        """Raises SourceRefused, SourceNotFound (SourceGone where the server says so), SourceUnreadable or SourceTimeout.

        Each has a sentence for people.
        """
        page = await self.fetch_newer(url, NO_VALIDATOR)
        if page is None:
            raise SourceUnreadable("The page's server sent nothing")
        return page

    async def fetch_newer(self, url: str, known: Validator) -> Page | None:
        """The page, or None where its server says that it is still the one that was known. Raises as `fetch` does."""
        # trust_env: a proxy would connect for us, to wherever its own resolver says.
        client = httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=self._settings.fetch_timeout_s, transport=self._transport
        )
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_s), client:
                return await self._follow(client, url, known)
        except TimeoutError:
            raise SourceTimeout(f"The page did not arrive within {self._settings.fetch_timeout_s:g} seconds") from None
        except httpx.TimeoutException as error:
            raise SourceTimeout("The page's server did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceNotFound("The page's server could not be reached, or broke off") from error

    async def _follow(self, client: httpx.AsyncClient, url: str, known: Validator) -> Page | None:
        for _ in range(_MAX_REDIRECTS + 1):
            place = parse_place(url, self._settings.fetch_allow_hosts)
            address = await self._checked_address(place)
            condition = known.headers_for(place.url)
            request = _request(client, place, address, condition)
            async with contextlib.aclosing(await client.send(request, stream=True)) as response:
                if condition and response.status_code == _NOT_MODIFIED:
                    return None
                if not response.has_redirect_location:
                    return await self._read(response, place)
                url = _target_of(response, place)
        raise SourceRefused("The page leads on to other pages without end")

    async def _checked_address(self, place: Place) -> str:
        try:
            addresses = await self._resolve(place.host, place.port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise SourceNotFound(f"There is no host named {place.host}")
        if not place.is_named_by_admin:
            for address in addresses:
                check_address(address)
        return addresses[0]

    async def _read(self, response: httpx.Response, place: Place) -> Page:
        if response.status_code in _GONE:
            raise SourceGone("There is no such page")
        if response.is_client_error:
            raise SourceWithheld(f"The page's server answered with status {response.status_code}")
        if not response.is_success:
            raise SourceUnreadable(f"The page's server answered with status {response.status_code}")
        limit = self._settings.max_document_bytes
        data = bytearray()
        async for piece in _within(limit, _unpacked(response, limit=limit)):
            data += piece
        return Page(
            url=place.url,
            data=bytes(data),
            content_type=response.headers.get("content-type", ""),
            modified_at=_moment(response.headers.get("last-modified", "")),
            validator=validator_of(place.url, response.headers),
        )


def _request(client: httpx.AsyncClient, place: Place, address: str, condition: dict[str, str]) -> httpx.Request:
    """To the checked address, under the host's own name: in the Host header and in the TLS handshake."""
    bracketed = f"[{address}]" if ":" in address else address
    return client.build_request(
        "GET",
        f"{place.scheme}://{bracketed}:{place.port}{place.target}",
        # identity: a compressed page can unpack to more than the limit in one piece.
        headers={"Host": place.authority, "Accept-Encoding": "identity", "User-Agent": AGENT, **condition},
        extensions={"sni_hostname": place.host},
    )


def _moment(date: str) -> datetime | None:
    """An HTTP date (RFC 9110, section 5.6.7); None for anything else."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _target_of(response: httpx.Response, place: Place) -> str:
    try:
        return urljoin(place.url, response.headers["location"])
    except ValueError:
        raise SourceRefused("The page leads on to an address that is not well formed") from None


async def _within(limit: int, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces. Raises SourceRefused at the one with which they are more than `limit` bytes."""
    total = 0
    async for piece in pieces:
        total += len(piece)
        if total > limit:
            raise SourceRefused(f"The page is larger than {limit:,} bytes")
        yield piece


async def _unpacked(response: httpx.Response, *, limit: int) -> AsyncIterator[bytes]:
    """The body piece by piece, none longer than one byte past the limit; httpx would unpack each to whatever it holds.

    Raises SourceRefused where more than `limit` bytes were sent.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    # As sent, too: padding and empty parts unpack to nothing, and may go on without end.
    pieces = _within(limit, response.aiter_raw())
    if encoding in _PLAIN:
        async for piece in pieces:
            yield piece
        return
    if encoding not in _GZIP:
        raise SourceUnreadable("The page's server sent it packed in a way that Tandem does not unpack")
    part = zlib.decompressobj(_GZIP_WINDOW)
    try:
        async for piece in pieces:
            # Parts follow one another (RFC 1952, section 2.2); zeros after one are padding, which gzip skips too.
            rest = piece.lstrip(b"\0") if part.eof else piece
            while rest:
                if part.eof:
                    part = zlib.decompressobj(_GZIP_WINDOW)
                yield part.decompress(rest, limit + 1)
                rest = part.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise SourceUnreadable("The page's server sent it damaged") from error
    if not part.eof:
        raise SourceUnreadable("The page's server sent only a part of it")
