"""What a site says it holds (sitemaps.org, protocol 0.9)."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

# It carries no types.
from defusedxml.common import DefusedXmlException  # pyright: ignore[reportMissingModuleSource]
from defusedxml.ElementTree import DefusedXMLParser  # pyright: ignore[reportMissingModuleSource, reportUnknownVariableType]

from knowledge.errors import SourceRefused, SourceUnreadable

# What one sitemap may list, by the protocol.
_MAX_ENTRIES = 50_000
_TEXT_CHARS = 2_048
_CHUNK = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = zlib.MAX_WBITS | 16


@dataclass(slots=True, kw_only=True)
class Sitemap:
    """Addresses of pages with the time of their last change, where it is told, and of further sitemaps."""

    pages: dict[str, datetime | None] = field(default_factory=dict[str, datetime | None])
    sitemaps: list[str] = field(default_factory=list[str])


def read_sitemap(data: bytes, *, limit: int) -> Sitemap:
    """Raises SourceUnreadable for what is no sitemap, SourceRefused for one that unpacks to more than `limit` bytes."""
    entries = _Entries()
    parser = DefusedXMLParser(target=entries, forbid_dtd=True)
    data = _unpacked(data, limit)
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
            if entries.are_full:
                return entries.found
        parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceUnreadable("The site's sitemap is damaged") from error
    return entries.found


def _unpacked(data: bytes, limit: int) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        unpacked = zlib.decompressobj(_GZIP_WINDOW).decompress(data, limit + 1)
    except zlib.error as error:
        raise SourceUnreadable("The site's sitemap is damaged") from error
    if len(unpacked) > limit:
        raise SourceRefused(f"The site's sitemap is larger than {limit:,} bytes")
    return unpacked


class _Entries:
    """Takes the parser's events and keeps addresses only: of a tree, a hostile file would make a forest."""

    def __init__(self) -> None:
        self.found = Sitemap()
        self._fields: dict[str, str] = {}
        self._field = ""

    @property
    def are_full(self) -> bool:
        return len(self.found.pages) + len(self.found.sitemaps) >= _MAX_ENTRIES

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002 — the parser's signature
        match _local(tag):
            case "url" | "sitemap":
                self._fields = {}
            # Not those of the pictures and videos on a page, which stand within its entry.
            case "loc" | "lastmod" as name if "/sitemap-" not in tag:
                self._field = name
                self._fields[name] = ""
            case _:
                self._field = ""

    def data(self, text: str) -> None:
        if self._field:
            self._fields[self._field] = (self._fields[self._field] + text)[:_TEXT_CHARS]

    def end(self, tag: str) -> None:
        self._field = ""
        address = self._fields.get("loc", "").strip()
        match _local(tag):
            case "url" if address and not self.are_full:
                self.found.pages[address] = _moment(self._fields.get("lastmod", "").strip())
            case "sitemap" if address and not self.are_full:
                self.found.sitemaps.append(address)
            case _:
                pass

    def close(self) -> None:
        pass


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _moment(date: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
