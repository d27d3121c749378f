"""The process that reads documents: whatever a file does to it, the bot lives on.

It takes frames on stdin and answers on stdout. A frame is a length (4 bytes, big-endian), that many bytes of
JSON, and, in requests, the document's bytes. It holds no secret and ends when stdin does.
"""

import json
import os
import re
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO
from unicodedata import category

from kreuzberg import KreuzbergError

from knowledge.entities import declares_entities
from knowledge.kinds import PDF, is_picture
from knowledge.pdf_library import load_library
from knowledge.pictures import read_picture
from knowledge.readers import Reading, links, read, without_controls
from knowledge.signatures import Refused, actual_kind, is_encrypted

# A longer one would take the room of the text in every chunk.
_TITLE_CHARS = 120
_AUTHOR_CHARS = 200
_UNTITLED = "Untitled"


def main() -> None:
    memory_bytes, cpu_s, max_chars = map(int, sys.argv[1:4])
    # A library that prints must not write into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    reads_pdfs = load_library()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while (request := _receive(sys.stdin.buffer)) is not None:
        header, data = request
        _allow_cpu(cpu_s)
        header["reads_pdfs"] = reads_pdfs
        _send(answers, _links(data) if header["kind"] == "links" else _answer(data, header, max_chars))


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    length = stream.read(4)
    if len(length) < 4:  # noqa: PLR2004 — the length's own four bytes
        return None
    header = json.loads(stream.read(struct.unpack(">I", length)[0]))
    return header, stream.read(header["size"])


def _send(stream: BinaryIO, answer: Mapping[str, object]) -> None:
    body = json.dumps(answer).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(data: bytes, header: dict[str, Any], max_chars: int) -> dict[str, str]:
    try:
        reading = _read(data, header)
    except Refused as refusal:
        return {"error": "encrypted" if is_encrypted(data) else refusal.reason}
    except KreuzbergError as error:
        is_sealed = is_encrypted(data) or re.search("password|encrypt", str(error), re.IGNORECASE)
        return {"error": "encrypted" if is_sealed else "broken"}
    except MemoryError:
        return {"error": "memory"}
    # A page that only leads elsewhere has a title and nothing below it.
    text = reading.text or reading.title or ""
    if len(text) > max_chars:
        return {"error": "long"}
    if not text and is_encrypted(data):
        return {"error": "encrypted"}
    titles = [_shown(each) for each in (reading.title, header["name"]) if each]
    return {"title": next(filter(None, titles), _UNTITLED), "text": text, **_said(reading)}


def _links(data: bytes) -> dict[str, list[str]]:
    try:
        return {"links": links(data)}
    except Refused:
        # What is no text leads nowhere.
        return {"links": []}


def _read(data: bytes, header: Mapping[str, Any]) -> Reading:
    if declares_entities(data):
        raise Refused("entities")
    kind = actual_kind(data, header["kind"])
    if kind == PDF and not header["reads_pdfs"]:
        raise Refused("library")
    if is_picture(kind):
        return Reading(text=read_picture(data, kind, languages=header["languages"]))
    return read(data, kind, is_web_page=header["is_web_page"])


def _shown(title: str) -> str:
    """The title as it is shown; empty where nothing of it is to be seen."""
    line = _line(title, _TITLE_CHARS)
    return line if any(category(character)[0] not in "CZM" for character in line) else ""


def _said(reading: Reading) -> dict[str, str]:
    """What the document says of itself besides its title."""
    said = {
        "author": _line(reading.author, _AUTHOR_CHARS),
        "created": reading.created.isoformat() if reading.created else "",
        "modified": reading.modified.isoformat() if reading.modified else "",
    }
    return {key: value for key, value in said.items() if value}


def _line(text: str | None, most: int) -> str:
    return " ".join(without_controls(text or "").split())[:most]


if __name__ == "__main__":
    main()
