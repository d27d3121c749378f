"""One question with its answer, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.audience import PUBLIC
from knowledge.documents import Passage
from router.answers import Answer, Source
from router.decisions import Decision, Route
from router.evidence import SearchStep
from router.prompts import ChatMessage
from router.questions import Turn

_DIRECT_MESSAGE = "D"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPassage:
    """A passage as the model saw it; its place in the list is its [n].

    `overheard` is the passage's; of one that was kept before that was noted, it is not known that it may be learnt from.
    """

    chunk_id: str
    document_id: str
    content_hash: str
    title: str
    uri: str
    text: str
    scope: str
    similarity: float
    overheard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """`prompt` is what was sent to the model, empty where none was asked.

    `answer` is what the person read; `completion` is the model's own part of it, without our notes.
    `model` is the name that was asked; `adapter` is empty where the base model answered,
    `adapter_at` the time at which it was put into service.
    `thread_id` is the same for all exchanges of a thread, empty where it is not known.
    """

    exchange_id: str
    asked_at: datetime
    team: str
    channel: str
    asker: str
    scopes: frozenset[str]
    question: str
    thread: tuple[Turn, ...]
    thread_id: str = ""
    prompt: tuple[ChatMessage, ...]
    passages: tuple[ShownPassage, ...]
    searches: tuple[SearchStep, ...] = ()
    decision: Decision
    answer: str
    completion: str
    sources: tuple[Source, ...]
    removed_citations: int = 0
    model: str = ""
    adapter: str = ""
    adapter_at: datetime | None = None
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    timings_ms: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def is_public(self) -> bool:
        """Whether everyone in the team may read it: asked in a public channel, answered from public passages.

        A direct message is read by one person, whatever its audience may read.
        """
        in_public = bool(self.channel) and not self.channel.startswith(_DIRECT_MESSAGE)
        return (
            in_public and self.scopes == frozenset({PUBLIC}) and all(shown.scope == PUBLIC for shown in self.passages)
        )

    @property
    def may_repeat_overheard(self) -> bool:
        """Whether words that were said among people may stand in the answer: it was written from some, or names them.

        Where the documents do not hold the answer, it names the pages that came near; a thread's title is its first words.
        """
        names_pages = self.decision.route is Route.ABSTAIN
        return (
            any(turn.overheard for turn in self.thread)
            or any(shown.overheard for shown in self.passages)
            or (names_pages and any(step.found and step.overheard for step in self.searches))
        )

    def as_answer(self) -> Answer:
        """The answer as it was given, for showing it once more."""
        return Answer(
            exchange_id=self.exchange_id,
            text=self.answer,
            decision=self.decision,
            sources=self.sources,
            model=self.model,
            adapter_at=self.adapter_at,
            timings_ms=self.timings_ms,
            removed_citations=self.removed_citations,
        )


def shown(passage: Passage) -> ShownPassage:
    return ShownPassage(
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        content_hash=passage.content_hash,
        title=passage.title,
        uri=passage.uri,
        text=passage.text,
        scope=passage.scope,
        similarity=passage.similarity,
        overheard=passage.overheard,
    )
