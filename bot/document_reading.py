"""One document that was handed over: read for those who may read it now, three times at most if that goes wrong."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.downloads import NotDownloaded, Upload
from bot.errors import SlackRefused
from bot.ingest_report import EVERYONE_MAY, Readers, readers
from bot.membership import access, channel_access
from bot.payloads import Json
from bot.quarantine import Quarantine, Tried
from bot.slack_documents import SlackDocuments, attached_at, file_at, file_place, is_in_slack
from bot.waiting import passes
from knowledge.documents import IngestResult, Origin, failed
from knowledge.errors import InvalidScope, SourceError
from knowledge.library import Library

log = logging.getLogger("tandem.documents")

DocumentKind = Literal["page", "file", "message", "attached"]

LOST = "Something went wrong on my side. Please hand it over again; tell an administrator if it stays so."
_AGAIN_S = 2.0
_NOT_SHOWN = "Slack does not let me read it."


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A document as it was handed over; `name` is an address, a file's id, or the place of a message or attached file.

    `ingest_id` is shared by all that was handed over at once. `scope` is set where the document is known to be for
    these readers; else all who read at the place may read it, or everyone, if the person said so. What is attached in a
    channel that is followed is for its readers, whoever had it followed. `overheard` is its origin's.
    """

    ingest_id: str
    channel: str
    user: str
    kind: DocumentKind
    name: str
    everyone: bool = False
    scope: str = ""
    overheard: bool = True

    @property
    def place(self) -> str:
        return file_place(self.name) if self.kind == "file" else self.name

    @property
    def title(self) -> str:
        return "The message" if self.kind == "message" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a document for the readers of `scope`; it is empty where nobody may hand it over there any more."""

    scope: str
    results: list[IngestResult]


def document_work_id(document: HandedOver, time: int = 0) -> str:
    """The same one each time that its ingest is done: by the document's name, which may be too long for an id."""
    named = hashlib.sha256(f"{document.scope} {document.name}".encode()).hexdigest()[:16]
    return f"{document.ingest_id}:document:{named}:{time}"


def handed_over_again(tried: Tried, *, ingest_id: str, channel: str, user: str) -> HandedOver:
    file_id = file_at(tried.place)
    kind: DocumentKind = "file" if file_id else "page"
    if is_in_slack(tried.place) and not file_id:
        kind = "attached" if attached_at(tried.place) else "message"
    name = file_id or tried.place
    return HandedOver(
        ingest_id=ingest_id,
        channel=channel,
        user=user,
        kind=kind,
        name=name,
        scope=tried.scope,
        overheard=tried.overheard,
    )


def outcome_of(stored: Any) -> Outcome | None:
    """None for a document that failed before it was known whom it is for."""
    if stored is None:
        return None
    return Outcome(scope=stored["scope"], results=[IngestResult(**result) for result in stored["results"]])


async def outcomes_of(
    queue: DocumentQueue, documents: Iterable[HandedOver], time: int = 0
) -> AsyncIterator[tuple[HandedOver, Outcome | None]]:
    """Have each of these read by the queue, and give what came of it as it comes, as `outcome_of` does."""
    works = {document_work_id(each, time): each for each in documents}
    async for work_id, stored in queue.outcomes({work_id: asdict(each) for work_id, each in works.items()}):
        yield works[work_id], outcome_of(stored)


async def readers_at(directory: Directory, channel: str, *, everyone: bool) -> Readers:
    who = readers(await directory.channel(channel))
    return EVERYONE_MAY if who.scope is None and everyone else who


class DocumentReader:
    def __init__(
        self,
        *,
        library: Library,
        in_slack: SlackDocuments,
        directory: Directory,
        quarantine: Quarantine,
        again_s: float = _AGAIN_S,
    ) -> None:
        self._library = library
        self._in_slack = in_slack
        self._directory = directory
        self._quarantine = quarantine
        self._again_s = again_s
        self._turns = _Turns()
        # Tries of this process that ended, while the database did not take that down.
        self._uncounted: set[str] = set()

    async def read(self, work_id: str, payload: Mapping[str, Any]) -> Json:
        """Take it in, and give an `Outcome` as it is stored. Raises what passes, and is to be done again then."""
        document = HandedOver(**payload)
        scope = await self._scope(document)
        results = await self._counted(work_id, document, scope) if scope else []
        return asdict(Outcome(scope=scope, results=results))

    async def _scope(self, document: HandedOver) -> str:
        """For whom it is as things are now: a channel may have changed since it was handed over."""
        if document.kind == "attached" and not document.scope:
            allowed = await channel_access(self._directory, document.channel)
        else:
            allowed = await access(self._directory, channel=document.channel, user=document.user)
        if allowed.refusal:
            return ""
        if document.scope:
            return document.scope if allowed.audience.may_read(document.scope) else ""
        who = await readers_at(self._directory, document.channel, everyone=document.everyone)
        return who.scope or ""

    async def _counted(self, work_id: str, document: HandedOver, scope: str) -> list[IngestResult]:
        tried = Tried(
            place=document.place,
            scope=scope,
            title=document.title,
            channel=document.channel,
            overheard=document.overheard,
        )
        if work_id in self._uncounted:
            await self._ended(work_id, self._quarantine.leave)
        while True:
            is_suspect = await self._quarantine.is_suspect(work_id)
            async with self._turns.alone() if is_suspect else self._turns.beside_others():
                aside = await self._quarantine.begin(work_id, tried)
                if aside is not None:
                    return [failed(document.name, aside.document.title, aside.reason)]
                results = await self._try(work_id, document, scope)
            if results is not None:
                await self._ended(work_id, self._quarantine.end)
                return results
            await asyncio.sleep(self._again_s)

    async def _try(self, work_id: str, document: HandedOver, scope: str) -> list[IngestResult] | None:
        """None where it failed and nobody knows why."""
        origin = Origin(
            added_by=document.user,
            added_in=document.channel,
            ingest_id=document.ingest_id,
            overheard=document.overheard,
        )
        try:
            if document.kind == "page":
                return [result async for result in self._library.ingest(document.name, scope, origin)]
            return await self._upload(work_id, document, scope, replace(origin, place=document.place))
        except (NotDownloaded, SourceError, InvalidScope) as error:
            return [failed(document.name, document.title, error)]
        except SlackRefused as error:
            log.warning("%s was not read: %s", work_id, error)
            return [failed(document.name, document.title, _NOT_SHOWN)]
        except asyncio.CancelledError:
            await self._ended(work_id, self._quarantine.leave)
            raise
        except Exception as error:  # the edge of the process: no document keeps the others from being read
            if passes(error):
                await self._ended(work_id, self._quarantine.leave)
                raise
            log.exception("%s could not be read", work_id)
            await self._quarantine.failed(work_id)
            return None

    async def _ended(self, work_id: str, note: Callable[[str], Awaitable[None]]) -> None:
        self._uncounted.add(work_id)
        await note(work_id)
        self._uncounted.discard(work_id)

    async def _upload(self, work_id: str, document: HandedOver, scope: str, origin: Origin) -> list[IngestResult]:
        found = await self._found(document)
        if found is None:
            return [failed(document.name, document.title, "It is not kept in Slack.")]
        if document.kind in {"file", "attached"}:
            await self._quarantine.know_title(work_id, found.name)
        return await self._library.ingest_bytes(found.data, name=found.name, uri=found.uri, scope=scope, origin=origin)

    async def _found(self, document: HandedOver) -> Upload | None:
        if document.kind == "file":
            return await self._in_slack.file(document.name)
        return await self._in_slack.again(document.place)


class _Turns:
    """What may have ended the process is read alone: were it to end it again, nothing else would be blamed.

    In the order in which they ask; those that are read beside others wait for one that is read alone.
    """

    def __init__(self) -> None:
        self._entry = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def beside_others(self) -> AsyncGenerator[None]:
        async with self._entry:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        async with self._entry:
            await self._empty.wait()
            yield
