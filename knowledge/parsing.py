"""Documents of many formats as Markdown text, read in a process of their own with limits."""

import asyncio
import contextlib
import json
import os
import re
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from knowledge.errors import SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.kinds import READABLE, instead_of, is_picture, kind_of
from knowledge.pdf_library import folder_for_library
from knowledge.settings import KnowledgeSettings

_PACKAGE_ROOT = Path(__file__).resolve().parent.parent
# A fresh process now and then gives back what the parsers leak.
_DOCUMENTS_PER_WORKER = 500
# From the end of a worker's answers, or its kill, to its status: longer, and there is something amiss with it.
_END_TIMEOUT_S = 2

# Changes with what this project's own readers make of a document: one taken in again is then read again.
_READ = "1"
_LIBRARIES = ("kreuzberg", "trafilatura", "lxml")

_NOT_READ = f"is of a kind that Tandem does not read; it reads {READABLE}"
_REASONS = {
    "unknown": _NOT_READ,
    "archive": "is an archive; unpack it and add the files in it",
    "picture": "is a picture of a kind in which Tandem reads no text; save it as a PNG, or as a PDF after text recognition",
    "tesseract": (
        "is a picture, and its text cannot be read here: that needs Tesseract's language data ({languages}), as the "
        "packages tesseract-ocr and tesseract-ocr-eng bring them; have them installed, or save it as a PDF after text "
        "recognition"
    ),
    "library": (
        "cannot be read here: the library that reads PDFs could not be unpacked below TANDEM_HOME, or not be loaded from "
        "there; please tell an administrator"
    ),
    "encrypted": "is protected by a password; save a copy without one",
    "broken": "is damaged, or is not of the kind that its name says",
    "entities": "declares XML entities, which Tandem does not read; save it anew from the program that it is of",
    "memory": "needs more memory to read than Tandem allows",
}
_NO_TEXT = "holds no text; if it is a scan, it needs text recognition first"
_NO_TEXT_SEEN = "is a picture in which no text was recognised"
# JSON writes one character in twelve bytes at most; links, title and braces take the rest.
_BYTES_PER_CHAR = 12
_BYTES_BESIDE_TEXT = 3 * 1024 * 1024
# Anything but the lines and bars of Markdown.
_SAYS_SOMETHING = re.compile(r"[^\s\-|#*_=>\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A document's own title (or its file's name), its text as Markdown, and who wrote it when, where it says so.

    Pages, slides and sheets are headings in the text.
    """

    title: str
    text: str
    author: str | None = None
    created: datetime | None = None
    modified: datetime | None = None


class _Answer(BaseModel):
    """What the worker sends: what it has read, or links, or an error."""

    model_config = ConfigDict(strict=True, extra="forbid")

    title: str = ""
    text: str = ""
    author: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    links: list[str] = []
    error: Literal[
        "", "encrypted", "broken", "entities", "memory", "long", "archive", "picture", "tesseract", "library", "unknown"
    ] = ""


class Parser:
    """Reads documents one after another in a warm worker process, which is replaced when it dies or hangs."""

    def __init__(self, settings: KnowledgeSettings) -> None:
        self._settings = settings
        self._worker: Process | None = None
        self._read_by_worker = 0
        self._turn = asyncio.Lock()

    @property
    def way_of_reading(self) -> str:
        """Names the way in which documents are read now: another one may find another text in the same bytes."""
        return f"{_read_with()} {self._settings.max_document_chars} {self._settings.ocr_languages}"

    async def parse(self, data: bytes, *, name: str, content_type: str = "", is_web_page: bool = False) -> Parsed:
        """Of a web page, only its main text counts: what stands around it says nothing of its subject.

        Raises SourceUnreadable, SourceRefused (too long) or SourceTimeout, each with a sentence for people.
        """
        # What neither name nor server tells, the worker looks for in the bytes.
        kind = kind_of(name, content_type) or ""
        instead = instead_of(name)
        if not kind and instead:
            raise SourceUnreadable(f"“{name}” is of a kind that Tandem does not read; save it as {instead}")
        if not data.strip():
            raise SourceUnreadable(f"“{name}” is empty")
        async with self._turn:
            answer = await self._ask_worker(data, kind, name, is_web_page=is_web_page)
        if answer.error == "long" or len(answer.text) > self._settings.max_document_chars:
            raise SourceRefused(
                f"“{name}” holds more than {self._settings.max_document_chars:,} characters; split it into parts"
            )
        if answer.error:
            reason = _REASONS[answer.error].format(languages=self._settings.ocr_languages)
            raise SourceUnreadable(f"“{name}” {reason}")
        if not _SAYS_SOMETHING.search(answer.text):
            raise SourceUnreadable(f"“{name}” {_NO_TEXT_SEEN if is_picture(kind) else _NO_TEXT}")
        return Parsed(
            title=answer.title,
            text=answer.text,
            author=answer.author,
            created=answer.created,
            modified=answer.modified,
        )

    async def links(self, data: bytes, *, name: str) -> list[str]:
        """Where an HTML page leads: its links as they are written, some hundreds at most. Raises as `parse` does."""
        async with self._turn:
            answer = await self._ask_worker(data, "links", name, is_web_page=True)
        return answer.links

    async def close(self) -> None:
        async with self._turn:
            await self._end_worker()

    async def _ask_worker(self, data: bytes, kind: str, name: str, *, is_web_page: bool) -> _Answer:
        languages = self._settings.ocr_languages
        header = {"kind": kind, "name": PurePath(name).stem, "is_web_page": is_web_page, "languages": languages}
        worker = await self._ready_worker()
        most = self._settings.max_document_chars * _BYTES_PER_CHAR + _BYTES_BESIDE_TEXT
        try:
            async with asyncio.timeout(self._settings.parse_timeout_s):
                answer = await _exchange(worker, data, header, most=most)
        except TimeoutError:
            await self._end_worker()
            raise SourceTimeout(
                f"“{name}” took longer to read than {self._settings.parse_timeout_s:g} seconds"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            if await self._status_at_end(worker) == -signal.SIGXCPU:
                raise SourceTimeout(f"“{name}” took more computing than Tandem allows for one document") from None
            raise SourceUnreadable(f"“{name}” could not be read: it is damaged, or needs too much memory") from None
        except ValueError:
            # The file has taken the worker over: what it does from here is not ours.
            await self._end_worker()
            raise SourceUnreadable(f"“{name}” could not be read: it is damaged") from None
        except asyncio.CancelledError:
            # The answer to come belongs to nobody; the next document must not get it.
            await self._end_worker()
            raise
        if answer.error == "library":
            # The next one may be able to: there may be room on the disk by then.
            await self._end_worker()
        self._read_by_worker += 1
        return answer

    async def _ready_worker(self) -> Process:
        if self._read_by_worker >= _DOCUMENTS_PER_WORKER:
            await self._end_worker()
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await self._start_worker()
            self._read_by_worker = 0
        return self._worker

    async def _start_worker(self) -> Process:
        memory_bytes = self._settings.parse_memory_mb * 1024 * 1024
        cpu_s = max(1, int(self._settings.parse_timeout_s))
        limits = (memory_bytes, cpu_s, self._settings.max_document_chars)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "knowledge.parse_worker", *map(str, limits)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd="/",
            # Nothing of ours goes in: a file that takes the worker over finds no token there.
            env=_environment(self._settings),
            # Ctrl-C in the terminal is the bot's to handle; the worker ends with its stdin.
            start_new_session=True,
        )

    async def _status_at_end(self, worker: Process) -> int | None:
        """How a worker ended that answers no more; None for one that lived on and was killed."""
        try:
            await _wait_for_end(worker)
            return worker.returncode
        finally:
            await self._end_worker()

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            worker.kill()
            await _wait_for_end(worker)


def _environment(settings: KnowledgeSettings) -> dict[str, str]:
    threads = dict.fromkeys(("RAYON_NUM_THREADS", "OMP_THREAD_LIMIT"), "1")
    data = {"TESSDATA_PREFIX": settings.ocr_data} if settings.ocr_data else {}
    try:
        unpacked = str(folder_for_library(settings.home))
    except OSError:
        # No folder of that name: the library is then loaded from nowhere, and PDFs are refused with the reason.
        unpacked = os.devnull
    return {
        "PYTHONPATH": str(_PACKAGE_ROOT),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TMPDIR": unpacked,
        **threads,
        **data,
    }


@cache
def _read_with() -> str:
    return " ".join([_READ, *(f"{name}={version(name)}" for name in _LIBRARIES)])


async def _wait_for_end(worker: Process) -> None:
    # Bounded even after a kill: asyncio waits for the pipes too, which a child of the worker may hold open.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_TIMEOUT_S):
            await worker.wait()


async def _exchange(worker: Process, data: bytes, header: Mapping[str, object], *, most: int) -> _Answer:
    """Raises ValueError for an answer that is longer than `most` bytes, or none."""
    if worker.stdin is None or worker.stdout is None:
        raise ConnectionError
    request = json.dumps({**header, "size": len(data)}).encode()
    worker.stdin.write(struct.pack(">I", len(request)) + request + data)
    await worker.stdin.drain()
    length = struct.unpack(">I", await worker.stdout.readexactly(4))[0]
    if length > most:
        raise ValueError(length)
    return _Answer.model_validate_json(await worker.stdout.readexactly(length))
