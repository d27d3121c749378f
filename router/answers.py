"""An answer and the events in which it reaches the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from router.decisions import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that the answer cites as [n], with the sentence of it that supports the answer."""

    n: int
    title: str
    uri: str
    quote: str
    document_id: str
    chunk_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer.

    `model` names what was asked (`name@digest` of the adapter, or the base model, or "" where no model
    was needed), and `adapter_at` when that adapter was put into service. `timings_ms` holds milliseconds by stage:
    search; guess, where one from memory was asked for; first_chunk, the model server's own time from
    request to first text, and model_first_sentence, the same to the first sentence; first_sentence and total, both
    from the question's arrival at the router.
    `removed_citations` counts citations and links that the passages did not support.
    """

    exchange_id: str
    text: str
    decision: Decision
    sources: tuple[Source, ...] = ()
    model: str = ""
    adapter_at: datetime | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    removed_citations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """What is being done now, for a status line: `Searching the documents`."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Text that passed its checks and may be shown; the pieces joined are the answer's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The last event: the whole answer, journalled."""

    answer: Answer


AnswerEvent = Working | Released | Answered
