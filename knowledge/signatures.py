"""What a file is by its first bytes and its inner parts, whatever its name says."""

import io
import re
import zipfile
import zlib
from typing import Literal

from kreuzberg import detect_mime_type

from knowledge.kinds import DOC, DOCX, EPUB, HTML, MSG, ODT, PDF, PPT, PPTX, RTF, XLS, XLSX, is_picture

Refusal = Literal["entities", "encrypted", "broken", "archive", "picture", "tesseract", "library", "unknown"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
# Formats with bytes of their own to begin with; of a text, the name is all that tells its kind.
_BINARY = frozenset({DOC, DOCX, EPUB, MSG, ODT, PDF, PPT, PPTX, RTF, XLS, XLSX})
_ARCHIVES = frozenset({"application/zip", "application/gzip", "application/x-7z-compressed", "application/x-tar"})
_HTML = re.compile(rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!doctype html|<html)", re.IGNORECASE)
# As a compound file's directory spells the names of its parts.
_SEALED = "EncryptedPackage".encode("utf-16-le")
_MESSAGE = "__properties_version1.0".encode("utf-16-le")
# A presentation's current-user record with this token is followed by encrypted ones ([MS-PPT] 2.3.2).
_SEALED_PRESENTATION = b"\xdf\xc4\xd1\xf3"
# A Word file's header, at the beginning of a sector, and the flag in it that says encrypted ([MS-DOC] 2.5.1).
_WORD_HEADER = b"\xec\xa5"
_WORD_FLAGS = slice(10, 12)
_WORD_SEALED = 0x0100
_SECTOR = 512
_MANIFEST = "META-INF/manifest.xml"
_MANIFEST_BYTES = 10_000_000


class Refused(Exception):
    """The bytes are of no kind that is read. `reason` is the code that the parser has a sentence for."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


def actual_kind(data: bytes, kind: str) -> str:
    """The media type to read these bytes as; `kind` is the one by name, empty where the name tells none.

    Raises Refused.
    """
    found = _found(data)
    if found in _BINARY or is_picture(found):
        return found
    if found.startswith("image/"):
        raise Refused("picture")
    if found in _ARCHIVES:
        # Half a document of a packed format is no archive to its owner.
        raise Refused("broken" if kind in _BINARY and not zipfile.is_zipfile(io.BytesIO(data)) else "archive")
    if kind in _BINARY and _HTML.match(data):
        # What calls itself xls or doc is often a page that some program has exported.
        return HTML
    if kind == "":
        raise Refused("unknown")
    if is_picture(kind):
        raise Refused("broken")
    return kind


def is_encrypted(data: bytes) -> bool:
    """Whether a file that could not be read, or had no text, is one that a password protects."""
    if data.startswith(_OLE):
        return _SEALED in data or _SEALED_PRESENTATION in data or _has_sealed_word(data)
    if not data.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(part.flag_bits & 1 for part in archive.infolist()):
                return True
            with archive.open(_MANIFEST) as manifest:
                return b"encryption-data" in manifest.read(_MANIFEST_BYTES)
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, OSError, EOFError, ValueError):
        return False


def _found(data: bytes) -> str:
    try:
        found = detect_mime_type(data)
    except RuntimeError:
        found = ""
    if found == "" and data.startswith(_OLE) and _MESSAGE in data:
        return MSG
    return found


def _has_sealed_word(data: bytes) -> bool:
    headers = (
        data[at : at + _WORD_FLAGS.stop] for at in range(0, len(data), _SECTOR) if data.startswith(_WORD_HEADER, at)
    )
    return any(int.from_bytes(header[_WORD_FLAGS], "little") & _WORD_SEALED for header in headers)
