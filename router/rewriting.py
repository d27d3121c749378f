"""One search query made by the model out of a thread and its question; optional, and never worth a failure."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from router.errors import ModelError
from router.model import ModelClient
from router.prompts import ChatMessage
from router.queries import search_query
from router.questions import Question, Turn
from router.settings import RouterSettings
from router.words import content_words

_LOG = logging.getLogger(__name__)
_SYSTEM = (
    "You write search queries. Read the conversation and write one short query that finds what its last question asks "
    "for in the team's documents. Name what “it”, “that” or “they” stands for. Write the query alone, in the language "
    "of the question."
)
_PARTING_SYSTEM = (
    "You write search queries. Write one short query for each thing that has to be found in the team's documents to "
    "answer the question, one a line, at most three. Write the queries alone, in the language of the question."
)
_PARTS = 3
_BULLETS = "0123456789.-*•) "
_TURNS = 4
_TURN_CHARS = 300
_QUESTION_CHARS = 600
_TOKENS = 48
# Longer, it is an answer or a story, not a query.
_QUERY_CHARS = 200
_LABELS = ("search query:", "query:")
_QUOTES = "\"'“”‘’«»` "


class Rewriter:
    """Asks the base model: an adapter is trained to answer, not to ask."""

    def __init__(self, *, model: ModelClient, settings: RouterSettings) -> None:
        self._model = model
        self._settings = settings

    async def query(self, question: Question) -> str:
        """The model's query; the plain one where there is none in time, or none that could be searched for.

        What goes in is the question and its thread, which hold what the audience may read and no more.
        """
        plain = search_query(question)
        try:
            async with asyncio.timeout(self._settings.query_rewrite_s):
                written = await self._first_line(rewriting_prompt(question.text, question.thread))
        except (ModelError, TimeoutError) as error:
            _LOG.info("the question is searched for as it was asked: %s", type(error).__name__)
            return plain
        return _read(written) or plain

    async def parts(self, question: Question) -> list[str]:
        """What the question asks for, thing by thing, as the model sees it; empty where that is one thing, or not known."""
        try:
            async with asyncio.timeout(self._settings.query_rewrite_s):
                written = await self._model.complete(
                    parting_prompt(question.text), model=self._settings.model_name, max_tokens=_TOKENS
                )
        except (ModelError, TimeoutError) as error:
            _LOG.info("the question is not taken apart: %s", type(error).__name__)
            return []
        parts = list(dict.fromkeys(filter(None, (_read(line.lstrip(_BULLETS)) for line in written.splitlines()))))
        return parts[:_PARTS] if len(parts) > 1 else []

    async def _first_line(self, prompt: Sequence[ChatMessage]) -> str:
        """What follows it would only take time; empty where it was cut in the middle."""
        written = ""
        chunks = self._model.stream(prompt, model=self._settings.model_name, max_tokens=_TOKENS)
        async with aclosing(chunks):
            async for chunk in chunks:
                written = f"{written}{chunk.text}".lstrip()
                if "\n" in written:
                    return written.partition("\n")[0]
                if chunk.finish in {"length", "repetition"}:
                    return ""
        return written


def rewriting_prompt(question: str, thread: Sequence[Turn] = ()) -> list[ChatMessage]:
    said = [f"{turn.speaker}: {turn.text[:_TURN_CHARS]}" for turn in thread[-_TURNS:]]
    conversation = "\n".join([*said, f"user: {question[:_QUESTION_CHARS]}"])
    return [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": f"{conversation}\n\nSearch query:"},
    ]


def parting_prompt(question: str) -> list[ChatMessage]:
    return [
        {"role": "system", "content": _PARTING_SYSTEM},
        {"role": "user", "content": f"{question[:_QUESTION_CHARS]}\n\nSearch queries:"},
    ]


def _read(written: str) -> str:
    """The query without what stands around it; empty where it says nothing, or too much."""
    query = written.strip().strip(_QUOTES)
    # What leads up to a query, or a thought that comes before it, is none.
    if query.startswith("<") or query.endswith(":"):
        return ""
    for label in _LABELS:
        if query.lower().startswith(label):
            query = query[len(label) :].strip(_QUOTES)
    return query if len(query) <= _QUERY_CHARS and content_words(query) else ""
