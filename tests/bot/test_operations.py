import asyncio
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.operations import Asked, LocalOperations
from bot.quarantine import TRIES, Quarantine, Tried
from knowledge.audience import Audience
from knowledge.documents import Document, Origin, Passage
from knowledge.errors import InvalidFilter
from knowledge.filters import SearchFilter
from router.answers import Answer, Answered
from router.decisions import Decision, Route
from tests.bot.office import Office


class Ready:
    """A router that answers at once."""

    async def answer(self, question: Any, *, exchange_id: str) -> Any:
        decision = Decision(route=Route.SMALLTALK, probabilities={Route.SMALLTALK: 1.0}, reason="a greeting")
        yield Answered(answer=Answer(exchange_id=exchange_id, text=f"You said {question.text}", decision=decision))


def _operations(model_started: asyncio.Event | None) -> LocalOperations:
    not_asked = cast("Any", None)
    return LocalOperations(
        router=cast("Any", Ready()),
        library=not_asked,
        ingests=not_asked,
        quarantine=not_asked,
        who_sees=not_asked,
        model_started=model_started,
    )


async def test_question_asked_while_the_model_starts_waits_and_says_so():
    model_started = asyncio.Event()
    events = _operations(model_started).ask(Asked(text="hello"))
    assert "starting" in (await anext(events))["status"]
    answer = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.05)
    assert not answer.done()
    model_started.set()
    assert (await asyncio.wait_for(answer, 5))["answer"]["answer"] == "You said hello"


@pytest.mark.parametrize("started", [True, False])
async def test_question_asked_while_the_model_is_there_is_answered_at_once(started):
    event = asyncio.Event() if started else None
    if event:
        event.set()
    (only,) = [event async for event in _operations(event).ask(Asked(text="hello"))]
    assert only["answer"]["answer"] == "You said hello"


class Narrowed:
    """A library that finds nothing and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, SearchFilter]] = []

    async def search(self, query: str, audience: Audience, *, limit: int, only: SearchFilter) -> list[Passage]:
        self.asked.append((query, only))
        return []


async def test_filters_narrow_a_search_and_are_no_words_of_it():
    library, unused = Narrowed(), cast("Any", None)
    operations = LocalOperations(
        router=unused, library=cast("Any", library), ingests=unused, quarantine=unused, who_sees=unused
    )
    assert await operations.search("leave from:anna", limit=3, audience="public") == []
    assert library.asked == [("leave", SearchFilter(authors=frozenset({"anna"})))]
    with pytest.raises(InvalidFilter, match="no date"):
        await operations.search("leave after:monday", limit=3, audience="public")


async def test_passages_to_learn_from_are_everybody_s_and_of_nothing_set_aside(engine: AsyncEngine, office: Office):
    for name, scope in (("open", "public"), ("broken", "public"), ("closed", "channel:C1")):
        document = Document(uri=f"https://wiki.example/{name}", title=name, text=f"It is {name}.", scope=scope)
        await office.library.ingest_text(document, Origin(overheard=False))
    quarantine, unused = Quarantine(engine), cast("Any", None)
    operations = LocalOperations(
        router=unused, library=office.library, ingests=unused, quarantine=quarantine, who_sees=unused
    )
    tried = Tried(place="https://wiki.example/broken", scope="public", title="broken", channel="C1")
    for _ in range(TRIES + 1):
        await quarantine.begin("work", tried)

    assert [each["text"] for each in await operations.learnable(limit=9, seed=1)] == ["It is open."]


async def test_filters_of_a_question_are_no_words_of_it():
    [event] = [event async for event in _operations(None).ask(Asked(text="leave type:pdf"))]
    assert event["answer"]["answer"] == "You said leave"
