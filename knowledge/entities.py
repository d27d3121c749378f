"""Entities that a packed office document declares for itself: what bombs and readings of foreign files are made of."""

import io
import lzma
import re
import struct
import zipfile
import zlib

_DECLARATION = re.compile(rb"<!ENTITY\b")
# A declaration stands before a part's first element. No office program writes one, or so long a beginning.
_BEGINNING_BYTES = 65_536
_MOST_PARTS = 2_000
_MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".svg", ".opf", ".ncx")
# What zipfile raises for what is damaged, protected or packed in a way it does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, OSError, EOFError, ValueError)


def declares_entities(data: bytes) -> bool:
    """Whether a part of a zip archive does. What is no archive has no parts; what is damaged is its reader's to refuse."""
    if not data.startswith(b"PK"):
        return False
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGED:
        return False
    with archive:
        parts = [part for part in archive.infolist() if part.filename.lower().endswith(_MARKUP)]
        return any(_DECLARATION.search(_beginning(archive, part)) for part in parts[:_MOST_PARTS])


def _beginning(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(part) as opened:
            # In UTF-16, every second byte of a declaration is zero.
            return opened.read(_BEGINNING_BYTES).replace(b"\0", b"")
    except _DAMAGED:
        return b""
