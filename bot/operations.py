"""What the short commands and the running bot both do: ask, search, ingest, in the JSON that people read.

One process owns the embedded index. `Operations` does the work in that process; `bot.control` carries the same three
calls to it from another.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from bot.shapes import Json, answer_json, ingest_json, passage_json
from knowledge.audience import EVERYONE, Audience, parse_audience, parse_scope
from knowledge.filters import parse_filter
from knowledge.library import Library
from router.answers import Answered, Released, Working
from router.decisions import Route
from router.questions import Question
from router.router import Router

# (user, channel), each as a person writes it or "" → (user id, channel id, who will see the answer).
WhoSees = Callable[[str, str], Awaitable[tuple[str, str, Audience]]]
_COMMAND_LINE = "command-line"


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

    async def search(self, text: str, *, limit: int, audience: str) -> list[Json]: ...

    def ingest(self, places: list[str], *, scope: str) -> AsyncIterator[Json]: ...


class LocalOperations:
    """Questions wait until `model_started` is set; without it the model is taken to be there."""

    def __init__(
        self, *, router: Router, library: Library, who_sees: WhoSees, model_started: asyncio.Event | None = None
    ) -> None:
        self._router = router
        self._library = library
        self._who_sees = who_sees
        self._model_started = model_started

    async def ask(self, asked: Asked) -> AsyncIterator[Json]:
        user, channel, audience = _COMMAND_LINE, "", EVERYONE
        if asked.user or asked.channel:
            user, channel, audience = await self._who_sees(asked.user, asked.channel)
        text, only = parse_filter(asked.text, channels={})
        question = Question(
            text=text,
            only=only,
            audience=audience,
            asker=user or _COMMAND_LINE,
            channel=channel,
            forced_route=None if asked.route == "auto" else Route(asked.route),
        )
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

    async def search(self, text: str, *, limit: int, audience: str) -> list[Json]:
        query, only = parse_filter(text, channels={})
        passages = await self._library.search(query, parse_audience(audience), limit=limit, only=only)
        return [passage_json(passage) for passage in passages]

    async def ingest(self, places: list[str], *, scope: str) -> AsyncIterator[Json]:
        checked = parse_scope(scope)
        for place in places:
            async for result in self._library.ingest(place, checked):
                yield ingest_json(result)
