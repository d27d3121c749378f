"""From a question to its route: search, judge, guess where it is doubtful, search on where one search does not do."""

import asyncio
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

from knowledge.errors import KnowledgeError
from router.agreement import contradicts
from router.chooser import Chooser
from router.decisions import Decision, Route
from router.draft import UNDECIDED, Draft
from router.embedding import Embedding
from router.errors import PolicyBroken, SearchUnavailable
from router.evidence import EvidenceLoop
from router.guessing import Guesser
from router.in_service import InService
from router.know_how import KnowHow
from router.queries import search_query
from router.questions import Question
from router.rewriting import Rewriter
from router.settings import RouterSettings

_LOG = logging.getLogger(__name__)


class Decider:
    def __init__(
        self,
        *,
        chooser: Chooser,
        evidence: EvidenceLoop,
        guesser: Guesser,
        rewriter: Rewriter | None,
        embedding: Embedding | None,
        settings: RouterSettings,
    ) -> None:
        self._chooser = chooser
        self._evidence = evidence
        self._guesser = guesser
        self._rewriter = rewriter
        self._embedding = embedding
        self._know_how = KnowHow(embedding) if embedding else None
        self._settings = settings

    def is_certain(self, question: Question) -> bool:
        """Whether the documents need not be searched to decide."""
        return self._chooser.is_certain(question)

    async def decide(self, draft: Draft) -> None:
        """Fill in the draft's decision with what led to it; of the timings, what each stage took."""
        served = self._chooser.in_service(draft.in_service)
        if draft.is_certain:
            draft.decision = self._decide(draft, served)
            return
        query = await self._rewritten(draft)
        with _timed(draft, "embed"):
            await self._embed(draft, served)
        with _timed(draft, "search"):
            try:
                draft.findings = await self._evidence.first(draft.question, query)
            except SearchUnavailable:
                draft.sources_are_down = True
        draft.decision = self._decide(draft, served)
        if self._chooser.is_doubtful(draft.decision):
            await self._guess(draft)
            draft.decision = self._decide(draft, served)
        if _memory_is_contradicted(draft):
            draft.decision = self._chooser.prefer_documents(draft.decision)
        else:
            draft.decision = self._chooser.explore(draft.decision, seed=draft.exchange_id)
        if _goes_on(draft):
            await self._search_on(draft, served)

    async def _rewritten(self, draft: Draft) -> str | None:
        """The model's own query, where that is switched on."""
        if self._rewriter is None:
            return None
        with _timed(draft, "rewrite"):
            return await self._rewriter.query(draft.question)

    async def _embed(self, draft: Draft, served: InService) -> None:
        """The question's vector, where the prior or what was taught is compared with one; without it in time, neither is."""
        if self._embedding is None or self._know_how is None:
            return
        is_taught = await self._know_how.is_any(draft.in_service)
        is_weighed = served.prior.embedding == self._embedding.embedding_name
        if not is_taught and not is_weighed:
            return
        try:
            async with asyncio.timeout(self._settings.search_timeout_s):
                vector = await self._embedding.embed_question(search_query(draft.question))
                draft.vector = vector if is_weighed else None
                draft.taught = await self._know_how.nearest(vector, draft.in_service)
        except (KnowledgeError, TimeoutError) as error:
            _LOG.warning("how near this is to what was taught is not known (%s)", type(error).__name__)

    async def _guess(self, draft: Draft) -> None:
        with _timed(draft, "guess"):
            adapter = draft.in_service.adapter if draft.in_service else ""
            draft.guess = await self._guesser.guess(draft.question, model=adapter or self._settings.model_name)

    async def _search_on(self, draft: Draft, served: InService) -> None:
        chosen = draft.decision
        with _timed(draft, "search"):
            draft.findings = await self._evidence.deepen(draft.question, draft.findings)
        draft.decision = self._chooser.settle(chosen, self._decide(draft, served), draft.findings)

    def _decide(self, draft: Draft, served: InService) -> Decision:
        """A policy that cannot decide leaves the default: retrieve."""
        try:
            with _timed(draft, "decide"):
                return self._chooser.decide(
                    draft.question,
                    draft.findings,
                    served,
                    guess=draft.guess,
                    is_certain=draft.is_certain,
                    taught=draft.taught.nearness,
                    vector=draft.vector,
                )
        except PolicyBroken:
            return UNDECIDED


def _memory_is_contradicted(draft: Draft) -> bool:
    """Whether a doubtful question would be answered from memory, against what the nearest passage says."""
    if draft.guess is None or draft.decision.route is not Route.DIRECT:
        return False
    return any(contradicts(draft.guess.text, passage.text) for passage in draft.findings.passages[:1])


def _goes_on(draft: Draft) -> bool:
    """Several searches were chosen; or one did not find enough to answer from, or to say that there is nothing."""
    decision = draft.decision
    if draft.sources_are_down or (decision.explored and decision.route is not Route.MULTI):
        return False
    from_one = decision.route is Route.ABSTAIN or (decision.forced and decision.route is Route.RETRIEVE)
    return decision.route is Route.MULTI or (from_one and not draft.findings.is_enough)


@contextmanager
def _timed(draft: Draft, stage: str) -> Generator[None]:
    """Adds what it takes to the stage's milliseconds."""
    started = time.perf_counter()
    try:
        yield
    finally:
        spent = (time.perf_counter() - started) * 1000
        draft.timings_ms[stage] = round(draft.timings_ms.get(stage, 0.0) + spent, 3)
