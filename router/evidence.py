"""Searches, judges what was found, and searches again in other words: bounded in number and in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from knowledge.documents import Passage
from knowledge.errors import KnowledgeError
from router.errors import SearchUnavailable
from router.queries import rewordings, search_query
from router.questions import Question
from router.settings import RouterSettings
from router.signals import coverage

Search = Callable[..., Awaitable[list[Passage]]]
"""`search(query, audience, *, limit, widen_to, only)`, as knowledge's library offers it."""

_ENOUGH_SIMILARITY = 0.45
_ENOUGH_COVERAGE = 0.6
_RANK_CONSTANT = 60
# What the similarity to each further wording is worth: a query made of a page's own title words is near to it by
# construction, and says little about the person's question.
_TRUST = (1.0, 0.85, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """One search of the loop and what was thought of its result; whether some of it was overheard."""

    query: str
    found: int
    similarity: float
    coverage: float
    is_enough: bool
    took_ms: float
    overheard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Passages, the best first, and the searches that led to them."""

    passages: tuple[Passage, ...] = ()
    steps: tuple[SearchStep, ...] = ()

    @property
    def is_enough(self) -> bool:
        return any(step.is_enough for step in self.steps)


class EvidenceLoop:
    def __init__(self, *, search: Search, settings: RouterSettings) -> None:
        self._search = search
        self._settings = settings

    async def first(self, question: Question, query: str | None = None) -> Findings:
        """One search, for the question itself unless another query was made of it. Raises SearchUnavailable."""
        passages, step = await self._look_for(query or search_query(question), question)
        return Findings(passages=passages, steps=(step,))

    async def deepen(self, question: Question, found: Findings) -> Findings:
        """Search in other words until enough is found, or no more may be tried; what was found before stays.

        A rewording that fails ends the loop: the first search has already answered.
        """
        started = time.perf_counter()
        results, steps = [found.passages], list(found.steps)
        plain = search_query(question)
        # Whoever made the first query of it may have got the question wrong.
        asked = [] if steps and steps[0].query == plain else [plain]
        for query in [*asked, *rewordings(plain, found.passages)]:
            spent = time.perf_counter() - started
            if (
                steps[-1].is_enough
                or len(steps) >= self._settings.searches_max
                or spent > self._settings.search_budget_s
            ):
                break
            try:
                trust = 1.0 if query == plain else _TRUST[min(len(steps), len(_TRUST) - 1)]
                passages, step = await self._look_for(query, question, trust=trust)
            except SearchUnavailable:
                break
            results.append(passages)
            steps.append(step)
        return Findings(passages=_merged(results), steps=tuple(steps))

    async def _look_for(
        self, query: str, question: Question, *, trust: float = 1.0
    ) -> tuple[tuple[Passage, ...], SearchStep]:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.search_timeout_s):
                passages = await self._search(
                    query,
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
        held = coverage(search_query(question), passages)
        step = SearchStep(
            query=query,
            found=len(passages),
            similarity=round(similarity, 4),
            coverage=round(held, 4),
            is_enough=similarity >= _ENOUGH_SIMILARITY and held >= _ENOUGH_COVERAGE,
            took_ms=round((time.perf_counter() - started) * 1000, 3),
            overheard=any(passage.overheard for passage in passages),
        )
        return tuple(passages), step


def _merged(results: Sequence[Sequence[Passage]]) -> tuple[Passage, ...]:
    """Reciprocal rank fusion (Cormack 2009); of a chunk found twice, the copy nearer to its query stays."""
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
    for chunk_id in sorted(ranks, key=lambda chunk_id: -ranks[chunk_id]):
        # It may stand in a better one already, which was widened by it.
        if chunk_id not in shown:
            merged.append(best[chunk_id])
            shown.update(part.chunk_id for part in best[chunk_id].parts)
    return tuple(merged)
