# pyright: reportUnknownMemberType=false
# kreuzberg's ExtractionConfig is only partly typed.
"""The process that reads documents: whatever a file does to it, the bot lives on.

It takes frames on stdin and answers on stdout. A frame is a length (4 bytes, big-endian), that many bytes of
JSON, and, in requests, the document's bytes. It holds no secret and ends when stdin does.
"""

import codecs
import json
import os
import re
import resource
import struct
import sys
from typing import Any, BinaryIO

from kreuzberg import ExtractionConfig, KreuzbergError, extract_bytes_sync

from knowledge.markdown import first_heading, split_front_matter, tidy

_HEAD = re.compile(rb"<head\b(?:[^<]|<(?!head\b))*?</head\s*>", re.DOTALL | re.IGNORECASE)
_HTML_TITLE = re.compile(r"<title\b[^>]{0,500}>(.{0,2000}?)</title\s*>", re.DOTALL | re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,30})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# A longer one would take the room of the text in every chunk.
_TITLE_CHARS = 120
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def main() -> None:
    memory_bytes, cpu_s, max_chars = map(int, sys.argv[1:4])
    # A library that prints must not write into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while (request := _receive(sys.stdin.buffer)) is not None:
        header, data = request
        _allow_cpu(cpu_s)
        _send(answers, _answer(data, header["kind"], header["name"], max_chars))


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    length = stream.read(4)
    if len(length) < 4:  # noqa: PLR2004 — the length's own four bytes
        return None
    header = json.loads(stream.read(struct.unpack(">I", length)[0]))
    return header, stream.read(header["size"])


def _send(stream: BinaryIO, answer: dict[str, str]) -> None:
    body = json.dumps(answer).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(data: bytes, kind: str, name: str, max_chars: int) -> dict[str, str]:
    try:
        title, text = _read(data, kind)
    except KreuzbergError as error:
        # Office wraps a protected docx, pptx or xlsx in the container of its older formats.
        is_encrypted = data.startswith(_OLD_OFFICE) or re.search("password|encrypt", str(error), re.IGNORECASE)
        return {"error": "encrypted" if is_encrypted else "broken"}
    except MemoryError:
        return {"error": "memory"}
    # A page that only leads elsewhere has a title and nothing below it.
    text = text or title or ""
    if len(text) > max_chars:
        return {"error": "long"}
    title = " ".join(_CONTROL.sub("", title or first_heading(text) or name).split())[:_TITLE_CHARS]
    return {"title": title, "text": text}


def _read(data: bytes, kind: str) -> tuple[str | None, str]:
    """The title that the document itself gives, if any, and its text as Markdown."""
    if kind == "text/markdown":
        title, body = split_front_matter(_extract(_as_utf8(data), "text/plain", "plain"))
        return title, tidy(body)
    if kind in {"text/plain", "text/csv"}:
        return None, _extract(_as_utf8(data), "text/plain", "plain").strip()
    if kind == "text/html":
        return _read_html(_as_utf8(data))
    return None, tidy(_extract(data, kind, "markdown"))


def _read_html(data: bytes) -> tuple[str | None, str]:
    front_title, body = split_front_matter(data.decode())
    found = _HTML_TITLE.search(body)
    title = front_title or (" ".join(tidy(found.group(1)).split()) if found else None)
    # kreuzberg writes what the head says into the text.
    bare = _HEAD.sub(b"", _HTML_TITLE.sub("", body, count=1).encode())
    # A page that is nothing but navigation and forms is still a page.
    text = _extract(bare, "text/html", "markdown", preset="aggressive") or _extract(bare, "text/html", "markdown")
    return title or None, tidy(text)


def _extract(data: bytes, kind: str, output: str, preset: str = "standard") -> str:
    config = ExtractionConfig(
        use_cache=False,
        output_format=output,
        html_options={"preprocessing": {"enabled": True, "preset": preset}},  # pyright: ignore[reportArgumentType]
    )
    return _CONTROL.sub("", extract_bytes_sync(data, kind, config=config).content)


def _as_utf8(data: bytes) -> bytes:
    """Kreuzberg takes text for UTF-8, which text from elsewhere often is not."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    declared = _CHARSET.search(data[:2000])
    for attempt in (encoding, declared.group(1).decode() if declared else "cp1252"):
        try:
            return data.decode(attempt).encode()
        except (UnicodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace").encode()


if __name__ == "__main__":
    main()
