"""Searches, judges what was found, and searches again in other words: bounded in number and in time."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from knowledge.documents import Passage
from knowledge.errors import KnowledgeError
from router.decomposition import own_words, parts_of
from router.errors import SearchUnavailable
from router.queries import rewordings, search_query
from router.questions import Question
from router.rewriting import Rewriter
from router.settings import RouterSettings
from router.signals import coverage

Search = Callable[..., Awaitable[list[Passage]]]
"""`search(query, audience, *, limit, widen_to, only)`, as knowledge's library offers it."""

StepKind = Literal["question", "part", "wording"]

_ENOUGH_SIMILARITY = 0.45
_ENOUGH_COVERAGE = 0.6
_RANK_CONSTANT = 60
# What the similarity to each further wording is worth: a query made of a page's own title words is near to it by
# construction, and says little about the person's question.
_TRUST = (1.0, 0.85, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """One search of the loop and what was thought of its result; whether some of it was overheard.

    Its `kind`: the question as it was asked, one part of it, or a wording of it that was tried because too little was
    found. A part is judged by the words that it alone has, the others by the question's.
    """

    query: str
    found: int
    similarity: float
    coverage: float
    is_enough: bool
    took_ms: float
    overheard: bool = True
    kind: StepKind = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    """A query, and the text whose words tell whether its passages are enough."""

    query: str
    about: str
    kind: StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Passages, the best first, and the searches that led to them."""

    passages: tuple[Passage, ...] = ()
    steps: tuple[SearchStep, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Of a question in parts, each part needs its own."""
        parts = [step.is_enough for step in self.steps if step.kind == "part"]
        return all(parts) if parts else any(step.is_enough for step in self.steps)

    @property
    def is_in_parts(self) -> bool:
        """Whether the parts of a question were searched for one by one, so that its answer stands in several passages."""
        return any(step.kind == "part" for step in self.steps)


def wants_more(question: Question, found: Findings) -> bool:
    """Whether one search leaves open what is asked: too little was found, or not for each part of the question."""
    parts = parts_of(question.text)
    return not found.is_enough or any(
        coverage(own_words(part, parts), found.passages) < _ENOUGH_COVERAGE for part in parts
    )


class EvidenceLoop:
    def __init__(self, *, search: Search, settings: RouterSettings, rewriter: Rewriter | None = None) -> None:
        """With a `rewriter` the model may say what to look for, where the rules see one thing only."""
        self._search = search
        self._settings = settings
        self._rewriter = rewriter

    async def first(self, question: Question, query: str | None = None) -> Findings:
        """One search, for the question itself unless another query was made of it. Raises SearchUnavailable."""
        plain = search_query(question)
        passages, step = await self._look_for(_Wording(query=query or plain, about=plain, kind="question"), question)
        return Findings(passages=passages, steps=(step,))

    async def deepen(self, question: Question, found: Findings) -> Findings:
        """Search for each part, then in other words, until enough is found or no more may be tried; what was found stays.

        A further search that fails ends the loop: the first one has already answered.
        """
        started = time.perf_counter()
        results, steps, leading = [found.passages], list(found.steps), list[str]()
        async with aclosing(self._wordings(question, found)) as wordings:
            async for wording in wordings:
                spent = time.perf_counter() - started
                if Findings(steps=tuple(steps)).is_enough and wording.kind != "part":
                    break
                if len(steps) >= self._settings.searches_max or spent > self._settings.search_budget_s:
                    break
                try:
                    passages, step = await self._look_for(wording, question, trust=_trust(wording.kind, len(steps)))
                except SearchUnavailable:
                    break
                results.append(passages)
                steps.append(step)
                if wording.kind == "part":
                    leading += [passage.chunk_id for passage in passages[:1]]
        return Findings(passages=_merged(results, leading), steps=tuple(steps))

    async def _wordings(self, question: Question, found: Findings) -> AsyncGenerator[_Wording, None]:
        """What to search for next. The model is asked only when its wording is the next one to be tried."""
        plain = search_query(question)
        # Whoever made the first query of it may have got the question wrong.
        if found.steps and found.steps[0].query != plain:
            yield _Wording(query=plain, about=plain, kind="question")
        parts = parts_of(question.text)
        if not parts and self._rewriter is not None and not found.is_enough:
            parts = await self._rewriter.parts(question)
        for part in parts:
            yield _Wording(query=part, about=own_words(part, parts), kind="part")
        for query in rewordings(plain, found.passages):
            yield _Wording(query=query, about=plain, kind="wording")

    async def _look_for(
        self, wording: _Wording, question: Question, *, trust: float = 1.0
    ) -> tuple[tuple[Passage, ...], SearchStep]:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.search_timeout_s):
                passages = await self._search(
                    wording.query,
                    question.audience,
                    limit=self._settings.search_limit,
                    only=question.only,
                    # What is cut off in the prompt would only take the place of other passages.
                    widen_to=min(self._settings.passage_widen_chars, self._settings.passage_max_chars),
                )
        except (KnowledgeError, TimeoutError) as error:
            raise SearchUnavailable from error
        passages = [replace(passage, similarity=trust * passage.similarity) for passage in passages]
        similarity = max((passage.similarity for passage in passages), default=0.0)
        held = coverage(wording.about, passages)
        step = SearchStep(
            query=wording.query,
            found=len(passages),
            similarity=round(similarity, 4),
            coverage=round(held, 4),
            is_enough=similarity >= _ENOUGH_SIMILARITY and held >= _ENOUGH_COVERAGE,
            took_ms=round((time.perf_counter() - started) * 1000, 3),
            overheard=any(passage.overheard for passage in passages),
            kind=wording.kind,
        )
        return tuple(passages), step


def _trust(kind: StepKind, searched: int) -> float:
    return _TRUST[min(searched, len(_TRUST) - 1)] if kind == "wording" else 1.0


def _merged(results: Sequence[Sequence[Passage]], leading: Sequence[str]) -> tuple[Passage, ...]:
    """Reciprocal rank fusion (Cormack 2009); of a chunk found twice, the copy nearer to its query stays.

    The best for each part leads: the model is shown few passages, and each part is to be among them.
    """
    ranks: dict[str, float] = {}
    best: dict[str, Passage] = {}
    for passages in results:
        for rank, passage in enumerate(passages, 1):
            ranks[passage.chunk_id] = ranks.get(passage.chunk_id, 0.0) + 1 / (_RANK_CONSTANT + rank)
            known = best.get(passage.chunk_id)
            if known is None or passage.similarity > known.similarity:
                best[passage.chunk_id] = passage
    shown: set[str] = set()
    merged: list[Passage] = []
    for chunk_id in dict.fromkeys([*leading, *sorted(ranks, key=lambda chunk_id: -ranks[chunk_id])]):
        # It may stand in a better one already, which was widened by it.
        if chunk_id not in shown:
            merged.append(best[chunk_id])
            shown.update(part.chunk_id for part in best[chunk_id].parts)
    return tuple(merged)
