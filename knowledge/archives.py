"""The documents in a zip archive, one by one: nothing is unpacked to disk, and nothing further than its limits.

A file whose name leads elsewhere, or that would not stay within the limits, is refused alone; the rest is read.
"""

import asyncio
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import quote

from knowledge.errors import SourceError, SourceRefused, SourceUnreadable
from knowledge.kinds import is_archive, is_document
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content, Source

# An archive's own entry in its list of files begins so.
_LISTED = b"PK\x01\x02"
_LISTED_PER_DOCUMENT = 10
_CHUNK = 1024 * 1024
# One archive within another is how exports come; more of them in each other are a trap.
_MAX_NESTING = 2
# Text packs to a tenth, the most repetitive logs to a hundredth.
_MAX_RATIO = 200
_SMALL_BYTES = 1024 * 1024
# The others unpack a whole file at once, whatever it holds.
_UNPACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_NAME_CHARS, _PART_CHARS = 1000, 255
_SHOWN_CHARS = 200
# Control characters, and those that show a name in another order than it has.
_ODD = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError, OSError),
)


async def archive_sources(
    file: IO[bytes], *, name: str, uri: str, settings: KnowledgeSettings, only: str = ""
) -> AsyncGenerator[Source]:
    """The documents in the archive with their content; files that are hidden or of other kinds are left out.

    Each one's `uri` is the archive's, with its path as the fragment; where `only` is one of them, no other is unpacked.
    Raises SourceUnreadable or SourceRefused.
    """
    budget = _Budget(documents=settings.place_max_documents, bytes=settings.place_max_bytes)
    found = _Reader(settings=settings, uri=uri, budget=budget, only=only).sources(file, name=name)
    while (source := await asyncio.to_thread(next, found, None)) is not None:
        yield source


@dataclass(slots=True, kw_only=True)
class _Budget:
    """What may still be taken from an archive and from those within it."""

    documents: int
    bytes: int
    seen: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    settings: KnowledgeSettings
    uri: str
    budget: _Budget
    only: str = ""
    within: str = ""
    nesting: int = 1

    def sources(self, file: IO[bytes], *, name: str) -> Generator[Source]:
        most = self.settings.place_max_documents
        if _listed(file) > most * _LISTED_PER_DOCUMENT:
            raise SourceRefused(f"“{_shown(name)}” holds more files than Tandem looks through")
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise SourceUnreadable(f"“{_shown(name)}” is damaged, or is no zip archive") from error
        with archive:
            for info in sorted(archive.infolist(), key=lambda info: info.filename):
                if info.is_dir() or _is_left_out(info):
                    continue
                if self.budget.documents < 1:
                    why = f"“{_shown(name)}” holds more than {most:,} documents; the rest was not read"
                    yield Source(uri=self.uri, name=_shown(name), refusal=SourceRefused(why))
                    return
                self.budget.documents -= 1
                yield from self._member(archive, info)

    def _member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Generator[Source]:
        path = self.within + _path(info)
        uri = f"{self.uri}#{quote(path, errors='replace')}"
        if self.only and self.only != uri and not self.only.startswith(f"{uri}/"):
            return
        name = _shown(PurePosixPath(path).name or path)
        try:
            self._check(info, name, uri)
            content = self._content(archive, info, name)
            if not is_archive(name):
                yield Source(uri=uri, name=name, content=content)
                return
            if self.nesting >= _MAX_NESTING:
                raise SourceRefused(f"“{name}” is an archive too deep within others; it was not read")
            inner = _Reader(
                settings=self.settings,
                uri=self.uri,
                budget=self.budget,
                only=self.only,
                within=f"{path}/",
                nesting=self.nesting + 1,
            )
            yield from inner.sources(io.BytesIO(content.data), name=name)
        except SourceError as error:
            yield Source(uri=uri, name=name, refusal=error)

    def _check(self, info: zipfile.ZipInfo, name: str, uri: str) -> None:
        """Raises SourceRefused or SourceUnreadable for a file that is not to be unpacked."""
        if _leads_elsewhere(info):
            raise SourceRefused(f"“{name}” has a name that leads out of the archive, or is none; it was not read")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise SourceRefused(f"“{name}” is a link; it was not read")
        if uri in self.budget.seen:
            raise SourceRefused(f"“{name}” is in the archive twice; only the first was read")
        self.budget.seen.add(uri)
        if info.flag_bits & _ENCRYPTED:
            raise SourceUnreadable(f"“{name}” is protected by a password; save a copy without one")
        if info.compress_type not in _UNPACKED:
            raise SourceUnreadable(f"“{name}” is packed in a way that Tandem does not unpack")
        limit = self.settings.max_document_bytes
        if info.file_size > limit:
            raise SourceRefused(f"“{name}” is larger than {limit:,} bytes")
        if info.file_size > max(_SMALL_BYTES, info.compress_size * _MAX_RATIO):
            raise SourceRefused(f"“{name}” unpacks to more than {_MAX_RATIO} times its size; it was not read")
        if info.file_size > self.budget.bytes:
            most = self.settings.place_max_bytes
            raise SourceRefused(f"“{name}” was not read: the archive unpacks to more than {most:,} bytes")
        self.budget.bytes -= info.file_size

    def _content(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Content:
        try:
            with archive.open(info) as member:
                # Never without a length: it would unpack whatever is there, and only then cut off what was not announced.
                return Content(data=member.read(info.file_size + 1), modified_at=_modified_at(info))
        except _BROKEN as error:
            raise SourceUnreadable(f"“{name}” is damaged in the archive") from error


def _listed(file: IO[bytes]) -> int:
    """How many files an archive lists, at most: each takes memory as soon as it is opened."""
    count, before = 0, b""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        piece = before + chunk
        count += piece.count(_LISTED)
        before = piece[-(len(_LISTED) - 1) :]
    file.seek(0)
    return count


def _is_left_out(info: zipfile.ZipInfo) -> bool:
    if _leads_elsewhere(info):
        # Of such a file it is said that it is there.
        return False
    path = PurePosixPath(_path(info))
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return is_hidden or not (is_document(path.name) or is_archive(path.name))


def _leads_elsewhere(info: zipfile.ZipInfo) -> bool:
    # zipfile cuts a name at its first NUL; what stands before it is another name.
    path = _path(info)
    parts = path.split("/")
    return (
        _ODD.search(info.orig_filename) is not None
        or _DRIVE.match(path) is not None
        or len(path) > _NAME_CHARS
        or any(part in {"", ".", ".."} or len(part) > _PART_CHARS for part in parts)
    )


def _path(info: zipfile.ZipInfo) -> str:
    # Some Windows programs write backslashes between folders.
    return info.filename.replace("\\", "/")


def _modified_at(info: zipfile.ZipInfo) -> datetime | None:
    try:
        # The zone is that of the machine that packed it, which is not written down.
        return datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None


def _shown(name: str) -> str:
    return _ODD.sub("\ufffd", name[:_SHOWN_CHARS])
