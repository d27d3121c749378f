"""What the short commands and the running bot both do: ask, search, ingest, see to documents, in the JSON that people read.

One process owns the embedded index. `Operations` does the work in that process; `bot.control` carries the same calls
to it from another.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from bot.errors import UnknownDocument
from bot.ingest_workers import IngestWorkers
from bot.ingests import Ingests
from bot.quarantine import Quarantine
from bot.shapes import (
    Json,
    answer_json,
    decision_json,
    document_json,
    ingest_json,
    learnable_json,
    passage_json,
    set_aside_json,
)
from knowledge.audience import EVERYONE, Audience, parse_audience, parse_scope
from knowledge.documents import Entry, failed
from knowledge.filters import parse_filter
from knowledge.library import Library
from router.answers import Answered, Released, Working
from router.decisions import Route
from router.questions import Question
from router.router import Router

# (user, channel), each as a person writes it or "" → (user id, channel id, who will see the answer).
WhoSees = Callable[[str, str], Awaitable[tuple[str, str, Audience]]]
_COMMAND_LINE = "command-line"
ALL_DOCUMENTS = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question from the command line. `user` and `channel` are ids or names, or "" for everyone's view."""

    text: str
    user: str = ""
    channel: str = ""
    route: str = "auto"


class Operations(Protocol):
    """Two implementations: in this process, and over the running bot's socket."""

    def ask(self, asked: Asked) -> AsyncIterator[Json]:
        """`{"status"}` and `{"text"}` pieces, then `{"answer": {…}}`."""
        ...

    async def explain(self, asked: Asked) -> Json:
        """How the question would be answered now, and why."""
        ...

    async def search(self, text: str, *, limit: int, audience: str) -> list[Json]: ...

    async def learnable(self, *, limit: int, seed: int) -> list[Json]:
        """Passages of documents that everybody may read and that may be learnt from, the same by the same seed."""
        ...

    def ingest(self, places: list[str], *, scope: str, whole_site: bool = False) -> AsyncIterator[Json]: ...

    async def documents(self, *, audience: str) -> list[Json]: ...

    async def set_aside(self, *, audience: str) -> list[Json]:
        """Documents that were tried three times, and are tried again by people alone."""
        ...

    async def remove(self, reference: str, *, audience: str) -> Json:
        """Raises UnknownDocument, or ControlError from another process, unless one document has this number or link."""
        ...

    async def indexed(self, document_ids: list[str]) -> Json:
        """How many passages of each of these documents the index holds, whoever may read them; absent where none."""
        ...

    async def clear_index(self, document_ids: list[str]) -> None:
        """Take these documents out by their ids, listed or not."""
        ...

    def refresh(self, reference: str, *, audience: str) -> AsyncIterator[Json]:
        """By number, by link, by the place that was taken in, or `all`. Raises as `remove`."""
        ...


class LocalOperations:
    """Questions wait until `model_started` is set; without it the model is taken to be there.

    Where there are `workers`, they take the documents of an ingest in.
    """

    def __init__(
        self,
        *,
        router: Router,
        library: Library,
        ingests: Ingests,
        quarantine: Quarantine,
        who_sees: WhoSees,
        model_started: asyncio.Event | None = None,
        workers: IngestWorkers | None = None,
    ) -> None:
        self._router = router
        self._library = library
        self._ingests = ingests
        self._quarantine = quarantine
        self._who_sees = who_sees
        self._model_started = model_started
        self._workers = workers

    async def ask(self, asked: Asked) -> AsyncIterator[Json]:
        question = await self._question(asked)
        if self._model_started is not None and not self._model_started.is_set():
            yield {"status": "The model is starting"}
            await self._model_started.wait()
        async with aclosing(self._router.answer(question, exchange_id=f"cli:{uuid.uuid4()}")) as events:
            async for event in events:
                match event:
                    case Working(status=status):
                        yield {"status": status}
                    case Released(text=piece):
                        yield {"text": piece}
                    case Answered(answer=answer):
                        yield {"answer": answer_json(answer)}

    async def explain(self, asked: Asked) -> Json:
        return decision_json(await self._router.explain(await self._question(asked)))

    async def _question(self, asked: Asked) -> Question:
        user, channel, audience = _COMMAND_LINE, "", EVERYONE
        if asked.user or asked.channel:
            user, channel, audience = await self._who_sees(asked.user, asked.channel)
        text, only = parse_filter(asked.text, channels={})
        return Question(
            text=text,
            only=only,
            audience=audience,
            asker=user or _COMMAND_LINE,
            channel=channel,
            forced_route=None if asked.route == "auto" else Route(asked.route),
        )

    async def search(self, text: str, *, limit: int, audience: str) -> list[Json]:
        query, only = parse_filter(text, channels={})
        passages = await self._library.search(query, parse_audience(audience), limit=limit, only=only)
        return [passage_json(passage) for passage in passages]

    async def learnable(self, *, limit: int, seed: int) -> list[Json]:
        aside = {each.document.id for each in await self._quarantine.set_aside(EVERYONE)}
        passages = await self._library.sample(EVERYONE, limit=limit, seed=seed, aside=aside)
        return [learnable_json(passage) for passage in passages]

    async def ingest(self, places: list[str], *, scope: str, whole_site: bool = False) -> AsyncIterator[Json]:
        checked = parse_scope(scope)
        for place in places:
            is_in = False
            ingested = self._library.ingest(place, checked, whole_site=whole_site, workers=self._workers)
            async for result in ingested:
                is_in |= result.status != "failed"
                yield ingest_json(result)
            if is_in:
                await self._quarantine.release({place}, checked)

    async def documents(self, *, audience: str) -> list[Json]:
        return [document_json(entry) for entry in await self._library.documents(parse_audience(audience))]

    async def set_aside(self, *, audience: str) -> list[Json]:
        return [set_aside_json(each) for each in await self._quarantine.set_aside(parse_audience(audience))]

    async def remove(self, reference: str, *, audience: str) -> Json:
        found = await self._find(reference, audience)
        if len(found) > 1:
            numbers = ", ".join(str(entry.number) for entry in found)
            raise UnknownDocument(f"several documents have this link: name one of the numbers {numbers}")
        await self._library.remove(found[0].id)
        await self._ingests.forget({found[0].uri})
        await self._quarantine.release({found[0].origin.place, found[0].uri}, found[0].scope)
        return document_json(found[0])

    async def indexed(self, document_ids: list[str]) -> Json:
        return await self._library.count_passages(document_ids)

    async def clear_index(self, document_ids: list[str]) -> None:
        for each in document_ids:
            await self._library.remove(each)

    async def refresh(self, reference: str, *, audience: str) -> AsyncIterator[Json]:
        is_all = reference == ALL_DOCUMENTS
        places = [] if is_all else await self._library.places(reference, parse_audience(audience))
        for place in places:
            async for result in self._library.refresh_place(place):
                yield ingest_json(result)
        if places:
            return
        found = (
            await self._library.documents(parse_audience(audience)) if is_all else await self._find(reference, audience)
        )
        for entry in found:
            reason = await self._quarantine.reason(entry.origin.place or entry.uri, entry.scope) if is_all else ""
            if reason:
                yield ingest_json(failed(entry.uri, entry.title, reason))
                continue
            # Who names a document means it: that it is gone counts at once.
            yield ingest_json(await self._library.refresh(entry, at_once=not is_all))

    async def _find(self, reference: str, audience: str) -> list[Entry]:
        found = await self._library.find(reference, parse_audience(audience))
        if not found:
            raise UnknownDocument(
                f"there is no document {reference} for {audience}: tandem documents list shows those there are"
            )
        return found
